//! `attention`: the weights with the mask, beside those without it.

use crate::example;
use crate::examples::success;

#[test]
fn with_the_mask_no_earlier_token_notices_a_new_last_one() {
    let plain = success(example("attention", &["--numbers", "--width", "200"])).0;
    let both = success(example("attention", &["--numbers", "--width", "200", "--bert"])).0;
    let rows = |text: &str| text.lines().filter(|line| line.starts_with('"')).map(str::to_string).collect::<Vec<_>>();
    let (plain, both) = (rows(&plain), rows(&both));
    assert_eq!((plain.len(), both.len()), (9, 9));
    for (t, (plain, both)) in plain.iter().zip(&both).enumerate() {
        assert!(both.starts_with(plain), "{both:?} does not begin as {plain:?}");
        let beside: Vec<f32> = both[plain.len()..].split_whitespace().map(|word| word.parse().unwrap()).collect();
        assert_eq!(beside.len(), 1 + 9 + 1); // moved; a weight for every token; moved
        assert_eq!(beside[0] == 0.0, t < 8);
        assert!(beside[10] > 0.0);
    }
}
