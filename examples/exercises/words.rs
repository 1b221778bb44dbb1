//! Words for times: how long something takes, and how long ago it was.

/// How long ago a time is, both in seconds.
pub fn ago(now: u64, then: u64) -> String {
    let minutes = now.saturating_sub(then) / 60;
    let (n, unit) = match minutes {
        0 => return "a moment ago".to_string(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{n} {unit}{} ago", if n == 1 { "" } else { "s" })
}

/// The day in UTC, `2026-11-30`, from seconds since 1970.
pub fn date(seconds: u64) -> String {
    // Years are counted from March on: then the leap day is the last of its year. 719,468 days before 1970 began the year 0.
    let days = seconds / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097); // 400 years have 146,097 days
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100); // of the year, from 0
    let month = (5 * day + 2) / 153; // from March, which is 0; five months have 153 days
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}

/// Minutes as a person would say them.
pub fn duration(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} minutes"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}
