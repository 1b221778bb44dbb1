//! Which known word is meant by one that is unknown: a flag, an exercise, a command.

/// The known words that are most like this one, nearest first; at most three.
///
/// # Example: two letters are the wrong way round
///
/// ```
/// assert_eq!(gpt60::cli::near("lits", ["check", "hint", "list"].into_iter()), ["list"]);
/// ```
#[must_use]
pub fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let limit = (word.len() / 3).clamp(2, 3).min(word.len().saturating_sub(1)); // two letters swapped are two edits
    let rate = |known: &'a str| {
        let is_part = word.len().min(known.len()) >= 3 && (known.contains(word) || word.contains(known));
        let n = n_edits(word, known);
        (n <= limit || is_part).then_some((n, known))
    };
    let mut found: Vec<(usize, &str)> = known.filter_map(rate).collect();
    found.sort_by_key(|(n, _)| *n); // words that are equally near stay in their order
    found.into_iter().take(3).map(|(_, known)| known).collect()
}

/// The flags that are most like this one, nearest first; at most three. If no name is like it as a whole, one part is
/// enough: `--layers` means `--n-layer`.
pub(super) fn near_flags<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let word = name.trim_start_matches('-').to_lowercase().replace('_', "-");
    let whole = |flag: &'a str| flag.trim_start_matches('-');
    let names = near(&word, known.iter().map(|flag| whole(flag)));
    if !names.is_empty() {
        return names.into_iter().filter_map(|name| known.iter().find(|flag| whole(flag) == name)).copied().collect();
    }
    let parts = near(&word, known.iter().flat_map(|flag| whole(flag).split('-')));
    let has_part = |flag: &&&'a str| whole(flag).split('-').any(|part| parts.contains(&part));
    known.iter().filter(has_part).take(3).copied().collect()
}

/// How many letters must be inserted, removed or changed to turn `a` into `b` (Levenshtein).
fn n_edits(a: &str, b: &str) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_compared_letter_by_letter() {
        let edits = [("", "abc"), ("abc", "abc"), ("abc", "acb"), ("kitten", "sitting")].map(|(a, b)| n_edits(a, b));
        assert_eq!(edits, [3, 0, 2, 3]);
        assert_eq!(near("topk", ["top_k", "top_p", "softmax"].into_iter()), ["top_k", "top_p"]);
    }

    #[test]
    fn a_flag_is_found_by_its_name_or_by_a_part_of_it() {
        let known =
            ["--n-layer", "--n-head", "--top-k", "--top-p", "--temperature", "--valid", "--valid-every", "--lr"];
        let meant = |name: &str| near_flags(name, &known);
        assert_eq!(meant("--layers"), ["--n-layer"]);
        assert_eq!(meant("--heads"), ["--n-head"]);
        assert_eq!(meant("--n_layer"), ["--n-layer"]);
        assert_eq!(meant("-layer"), ["--n-layer"]);
        assert_eq!(meant("--temp"), ["--temperature"]);
        assert_eq!(meant("--topk"), ["--top-k", "--top-p"]);
        assert_eq!(meant("--validate"), ["--valid"]);
        assert_eq!(meant("--every"), ["--valid-every"]);
        assert!(meant("--skip-frames").is_empty() && meant("-l").is_empty() && meant("--").is_empty());
    }
}
