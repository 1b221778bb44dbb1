//! Do differences of vectors mean something? `b - a + c` for pairs of words that differ in the same way.
//!
//! The famous question is: what is to king as woman is to man? If "female" were a direction that, added to a word,
//! gives its female partner, then `woman - man + king` would be near `queen`. Each pair of a list asks this of each
//! other pair.

use gpt60::tokenizer::Tokenizer;
use gpt60::{Result, Tensor};

/// Lists of word pairs, each named after its first pair.
pub const LISTS: [&[(&str, &str)]; 4] = [
    &[
        (" man", " woman"),
        (" boy", " girl"),
        (" king", " queen"),
        (" prince", " princess"),
        (" father", " mother"),
        (" brother", " sister"),
        (" son", " daughter"),
        (" husband", " wife"),
        (" uncle", " aunt"),
        (" he", " she"),
        (" himself", " herself"),
    ],
    &[
        (" dog", " dogs"),
        (" tree", " trees"),
        (" flower", " flowers"),
        (" bird", " birds"),
        (" eye", " eyes"),
        (" day", " days"),
        (" boy", " boys"),
        (" friend", " friends"),
        (" man", " men"),
        (" child", " children"),
        (" foot", " feet"),
    ],
    &[
        (" go", " went"),
        (" say", " said"),
        (" see", " saw"),
        (" run", " ran"),
        (" come", " came"),
        (" take", " took"),
        (" give", " gave"),
        (" look", " looked"),
        (" want", " wanted"),
        (" walk", " walked"),
        (" make", " made"),
    ],
    &[
        (" big", " small"),
        (" good", " bad"),
        (" happy", " sad"),
        (" old", " young"),
        (" up", " down"),
        (" hot", " cold"),
        (" black", " white"),
        (" day", " night"),
        (" first", " last"),
        (" rich", " poor"),
        (" fast", " slow"),
    ],
];

/// How many questions a list asks, and how many are answered correctly in three ways.
#[derive(Default)]
pub struct Score {
    pub questions: usize,
    /// By the token nearest to `b - a + c`, when `a`, `b` and `c` themselves are not allowed.
    pub right: usize,
    /// The same, when they are allowed.
    pub right_of_all: usize,
    /// Without any difference: by the token nearest to `c`.
    pub right_by_nearest: usize,
}

/// Asks each pair the question of every other pair. Words that are not a single token are left out.
pub fn ask(unit: &Tensor, tokenizer: &Tokenizer, list: &[(&str, &str)]) -> Result<Score> {
    let one = |word: &str| match tokenizer.encode(word)[..] {
        [id] => Some(id as usize),
        _ => None,
    };
    let pairs: Vec<(usize, usize)> = list.iter().filter_map(|(a, b)| Some((one(a)?, one(b)?))).collect();
    let mut score = Score::default();
    for &(c, expected) in &pairs {
        let nearest_to_c = nearest(&cosines(unit, c, c, c)?, 1, &[c]); // c - c + c
        for &(a, b) in pairs.iter().filter(|&&other| other != (c, expected)) {
            let scores = cosines(unit, a, b, c)?;
            let answer = nearest(&scores, 1, &[a, b, c]);
            let answer_of_all = nearest(&scores, 1, &[]);
            score.questions += 1;
            score.right += usize::from(answer == [expected]);
            score.right_of_all += usize::from(answer_of_all == [expected]);
            score.right_by_nearest += usize::from(nearest_to_c == [expected]);
        }
    }
    Ok(score)
}

/// How near each token is to `b - a + c`. The rows of `unit`, `[n_vocab, n_embd]`, have length 1.
pub fn cosines(unit: &Tensor, a: usize, b: usize, c: usize) -> Result<Tensor> {
    let row = |id: usize| unit.take_rows(&[id]); // [1, n_embd]
    let x = row(b)?.sub(&row(a)?)?.add(&row(c)?)?;
    let length = x.mul(&x)?.row_sum().map(f32::sqrt); // [1, 1]
    x.div(&length)?.matmul_t(unit) // [1, n_embd] · [n_vocab, n_embd]ᵀ -> [1, n_vocab]
}

/// The `count` tokens with the largest scores, except some.
pub fn nearest(scores: &Tensor, count: usize, without: &[usize]) -> Vec<usize> {
    let mut ids: Vec<usize> = (0..scores.len()).filter(|id| !without.contains(id)).collect();
    ids.sort_by(|&a, &b| scores.data()[b].total_cmp(&scores.data()[a]));
    ids.truncate(count);
    ids
}
