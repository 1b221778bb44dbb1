//! What `microgpt.py` began with and what it lost, as `tests/fixtures/one_page.py` wrote it down.

/// Where the weights of `microgpt.py` stand on the page. It has each matrix as [out][in], the page as [in][out]; its
/// query, key and value are one matrix here; and its id for the end of a name is the last, 26, which is here the first,
/// 0.
pub fn weights() -> Vec<f64> {
    let bytes = include_bytes!("../fixtures/one_page/weights.bin");
    let numbers: Vec<f64> = bytes.chunks(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect();
    let mut rest = &numbers[..];
    let mut take = |n_out: usize, n_in: usize| {
        let (matrix, after) = rest.split_at(n_out * n_in);
        rest = after;
        matrix.chunks(n_in).map(<[f64]>::to_vec).collect::<Vec<_>>() // [n_out][n_in]
    };
    let (mut wte, wpe, mut lm_head) = (take(27, 16), take(16, 16), take(27, 16));
    let qkv = [take(16, 16), take(16, 16), take(16, 16)].concat();
    let (attn_proj, c_fc, mlp_proj) = (take(16, 16), take(64, 16), take(16, 64));
    assert!(rest.is_empty());
    wte.rotate_right(1);
    lm_head.rotate_right(1);
    let turned = |matrix: &Vec<Vec<f64>>| -> Vec<f64> {
        (0..matrix[0].len()).flat_map(|i| matrix.iter().map(move |row| row[i])).collect()
    };
    let plain = [wte.concat(), wpe.concat()].concat();
    [plain, [&qkv, &attn_proj, &c_fc, &mlp_proj, &lm_head].map(turned).concat()].concat()
}

/// Its first 50 steps: the ids of the name, with the page's numbering, and the loss.
pub fn steps() -> Vec<(Vec<usize>, f64)> {
    let lines = include_str!("../fixtures/one_page/losses.txt").lines().filter(|line| !line.starts_with('#'));
    let step = |line: &str| {
        let (name, loss) = line.split_once(' ').unwrap();
        let letters = name.bytes().map(|letter| usize::from(letter - b'a') + 1);
        ([0].into_iter().chain(letters).chain([0]).collect(), loss.parse().unwrap())
    };
    lines.map(step).collect()
}
