//! `embeddings`: neighbours and differences.

use crate::example;
use crate::examples::success;

#[test]
fn embeddings_asks_the_lists_or_three_tokens_for_their_differences() {
    let lists = success(example("embeddings", &["--differences"])).0;
    assert_eq!(lists.lines().filter(|line| line.matches('%').count() == 3).count(), 4, "{lists}");
    let three = success(example("embeddings", &["--differences", "--count", "3", " man woman king"])).0;
    assert!(three.starts_with("\" woman\" - \" man\" + \" king\"\n") && three.lines().count() == 4, "{three}");
}
