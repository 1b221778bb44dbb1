//! The book: the chapters of `docs/`, as documentation, so that rustdoc compiles and runs every Rust block in them.
//!
//! A book about a program goes wrong in a quiet way: the program changes and the book does not. Here each chapter is the
//! documentation of an empty module. `cargo test --doc` runs its blocks against the crate as it is, and the asserts in them
//! hold the numbers in the text to what the code computes. A chapter that no longer agrees with the source fails the tests.
//!
//! Read the chapters here or in `docs/`; the text is the same. Its links are made for `docs/`. Here the same things have other
//! places, so each page ends with a few lines that a browser runs: they lead a link to a chapter to the chapter's page, a link
//! to a source file to its page, and everything else (pictures, tests, scripts) to the files from which this was made.

// A block of the book is a whole program, to be copied out and run.
#![allow(clippy::needless_doctest_main)]

/// What leads the links of a chapter to where things are in this documentation.
macro_rules! links {
    () => {
        concat!(
            "\n<script>\nconst files = 'file:///' + String.raw`",
            env!("CARGO_MANIFEST_DIR"),
            "`.replaceAll('\\\\', '/').replace(/^\\//, '') + '/docs/';\n",
            include_str!("book.js"),
            "</script>"
        )
    };
}

/// A chapter: a module without content, whose documentation is the text.
macro_rules! chapter {
    ($name:ident, $file:literal) => {
        #[doc = include_str!(concat!("../docs/", $file, ".md"))]
        #[doc = links!()]
        pub mod $name {}
    };
}

chapter!(ch00_what_is_a_gpt, "00-what-is-a-gpt");
chapter!(ch01_tensors, "01-tensors");
chapter!(ch02_tokens, "02-tokens");
chapter!(ch03_embeddings, "03-embeddings");
chapter!(ch04_basic_layers, "04-basic-layers");
chapter!(ch05_attention, "05-attention");
chapter!(ch06_mlp_and_block, "06-mlp-and-block");
chapter!(ch07_the_whole_model, "07-the-whole-model");
chapter!(ch08_choosing_a_token, "08-choosing-a-token");
chapter!(ch09_beam_search, "09-beam-search");
chapter!(ch10_kv_cache, "10-kv-cache");
chapter!(ch11_loss, "11-loss");
chapter!(ch12_backpropagation, "12-backpropagation");
chapter!(ch13_training, "13-training");
chapter!(ch14_the_real_gpt2, "14-the-real-gpt2");
chapter!(ch15_looking_inside, "15-looking-inside");
chapter!(ch16_making_it_fast, "16-making-it-fast");
chapter!(ch17_where_to_go, "17-where-to-go");
chapter!(exercises, "exercises");
chapter!(glossary, "glossary");
