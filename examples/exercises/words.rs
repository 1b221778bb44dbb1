//! Words: which known one is meant, lines that fit a terminal, and how long something takes.

/// The known words that are most like this one, nearest first; at most three.
pub fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (word.len() / 3).clamp(2, 3).min(word.len().saturating_sub(1)); // two letters swapped are two edits
    let rate = |known: &'a str| {
        let is_part = word.len() >= 3 && (known.contains(word) || word.contains(known));
        let n = n_edits(word, known);
        (n <= limit || is_part).then_some((n, known))
    };
    let mut found: Vec<(usize, &str)> = known.filter_map(rate).collect();
    found.sort_by_key(|(n, _)| *n); // words that are equally near stay in their order
    found.into_iter().take(3).map(|(_, known)| known).collect()
}

/// How many letters must be inserted, removed or changed to turn `a` into `b` (Levenshtein).
pub fn n_edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect(); // from nothing to each beginning of b
    for (i, letter) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for j in 0..b.len() {
            let same = before + usize::from(letter != b[j]);
            before = row[j + 1];
            row[j + 1] = same.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Lines of at most `width` characters, unless a single word is longer.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => *line += &format!(" {word}"),
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

/// Minutes as a person would say them.
pub fn duration(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} minutes"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes:02} min"),
    }
}
