//! nanoGPT's checkpoint of a model with GPT-2's vocabulary, made by hand: as a fixture it would be large.

use super::archive::{text, zip};
use super::{refusal, scratch};
use gpt60::checkpoint::load;
use std::fs;

fn integer(n: usize) -> Vec<u8> {
    [b"J", &(n as i32).to_le_bytes()[..]].concat()
}

/// A checkpoint of the smallest model, with `n_vocab` rows; every number is 0.5.
fn checkpoint(n_vocab: usize) -> Vec<u8> {
    let mut members = Vec::new();
    let mut model = b"}(".to_vec();
    let block = [
        ("ln_1.", 1, 0),
        ("attn.c_attn.", 3, 1),
        ("attn.c_proj.", 1, 1),
        ("ln_2.", 1, 0),
        ("mlp.c_fc.", 4, 1),
        ("mlp.c_proj.", 1, 4),
    ];
    let block = block.map(|(name, n_out, n_in)| (format!("h.0.{name}weight"), n_out, n_in));
    let tables =
        [("wte.weight".to_string(), n_vocab, 1), ("wpe.weight".to_string(), 4, 1), ("ln_f.weight".to_string(), 1, 0)];
    for (i, (name, n_rows, n_columns)) in tables.into_iter().chain(block).enumerate() {
        let n = n_rows * n_columns.max(1);
        let shape = if n_columns == 0 {
            [integer(n_rows), b"\x85".to_vec()].concat()
        } else {
            [integer(n_rows), integer(n_columns), b"\x86".to_vec()].concat()
        };
        let strides = if n_columns == 0 {
            b"K\x01\x85".to_vec()
        } else {
            [integer(n_columns), integer(1), b"\x86".to_vec()].concat()
        };
        let storage = [
            b"(",
            &text("storage")[..],
            b"ctorch\nFloatStorage\n",
            &text(&i.to_string()),
            &text("cpu"),
            &integer(n),
            b"tQ",
        ]
        .concat();
        model.extend(
            [
                &text(&format!("transformer.{name}"))[..],
                b"ctorch._utils\n_rebuild_tensor_v2\n(",
                &storage,
                b"K\0",
                &shape,
                &strides,
                b"\x89}tR",
            ]
            .concat(),
        );
        members.push((format!("ckpt/data/{i}"), 0.5f32.to_le_bytes().repeat(n)));
    }
    let mut arguments = b"}(".to_vec();
    for (key, n) in [("n_layer", 1), ("n_head", 1), ("n_embd", 1), ("block_size", 4), ("vocab_size", n_vocab)] {
        arguments.extend([text(key), integer(n)].concat());
    }
    arguments.extend([&text("bias")[..], b"\x89u"].concat());
    let pickle = [b"\x80\x02}(", &text("model")[..], &model, b"u", &text("model_args"), &arguments, b"u."].concat();
    members.push(("ckpt/data.pkl".to_string(), pickle));
    zip(&members)
}

#[test]
fn without_a_vocabulary_beside_it_a_model_of_the_size_of_gpt2s_takes_that() {
    let dir = scratch("nano-gpt2");
    let file = dir.join("ckpt.pt");
    let zero = "the model was trained with bias=False: its biases are zero";
    for (n_vocab, is_gpt2) in [(50_257, true), (50_304, true), (50_256, false)] {
        fs::write(&file, checkpoint(n_vocab)).unwrap();
        let found = load(&file).unwrap();
        assert_eq!(found.model.config.n_vocab, n_vocab); // the rows above are kept
        assert_eq!(found.tokenizer.as_ref().map(|tokenizer| tokenizer.n_vocab()), is_gpt2.then_some(50_257));
        assert_eq!(found.end_ids, if is_gpt2 { vec![50_256] } else { vec![] });
        let assumed = "there is no vocabulary beside the file: by its size, GPT-2's own is taken";
        assert_eq!(found.notes, if is_gpt2 { vec![zero, assumed] } else { vec![zero] });
        let tokenizer = gpt60::checkpoint::load_tokenizer(&file).unwrap();
        assert_eq!(tokenizer.is_some(), is_gpt2);
    }
    fs::write(&file, checkpoint(50_304)).unwrap();
    // The vocabulary that lies beside the file is not guessed at.
    fs::write(dir.join("vocab.json"), "{}").unwrap();
    assert!(refusal(&dir, &file).contains("it has vocab.json and no merges.txt"));
    fs::remove_dir_all(dir).unwrap();
}
