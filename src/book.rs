//! The book: the chapters of `docs/`, as documentation, so that rustdoc compiles and runs every Rust block in them.
//!
//! A book about a program goes wrong in a quiet way: the program changes and the book does not. Here each chapter is the
//! documentation of an empty module. `cargo test --doc` runs its blocks against the crate as it is, and the asserts in them
//! hold the numbers in the text to what the code computes. A chapter that no longer agrees with the source fails the tests.
//!
//! Read the chapters here or in `docs/`; the text is the same. Its links are made for `docs/`. Here the same things have other
//! places, so each page ends with a few lines that a browser runs: they lead a link to a chapter to the chapter's page and a
//! link to a source file to its page. Every such place is relative, and a page brings its pictures along. So the pages can be
//! moved, or served from anywhere, and say nothing of the machine that they were made on. Tests, examples and scripts have no
//! page here: of a link to one, its name stays.

// A block of the book is a whole program, to be copied out and run.
#![allow(clippy::needless_doctest_main)]

/// What leads the links of a chapter to where things are in this documentation.
macro_rules! links {
    () => {
        concat!("\n<script>\n", include_str!("book.js"), "</script>")
    };
}

/// A picture, for the page that shows it: a block of data, which a browser neither shows nor runs.
macro_rules! picture {
    ($name:literal) => {
        concat!(
            "\n<script type=\"image/svg+xml\" data-place=\"img/",
            $name,
            ".svg\">\n",
            include_str!(concat!("../docs/img/", $name, ".svg")),
            "</script>\n"
        )
    };
}

/// A chapter: a module without content, whose documentation is the text, with the pictures that the text shows.
macro_rules! chapter {
    ($name:ident, $file:literal $(, $picture:literal)*) => {
        #[doc = include_str!(concat!("../docs/", $file, ".md"))]
        $(#[doc = picture!($picture)])*
        #[doc = links!()]
        pub mod $name {}
    };
}

chapter!(ch00_what_is_a_gpt, "00-what-is-a-gpt");
chapter!(ch01_tensors, "01-tensors");
chapter!(ch02_tokens, "02-tokens");
chapter!(ch03_embeddings, "03-embeddings");
chapter!(ch04_basic_layers, "04-basic-layers");
chapter!(ch05_attention, "05-attention", "attention-mask", "attention-head", "attention-maps");
chapter!(ch06_mlp_and_block, "06-mlp-and-block", "block");
chapter!(ch07_the_whole_model, "07-the-whole-model", "parameters");
chapter!(ch08_choosing_a_token, "08-choosing-a-token", "knobs");
chapter!(ch09_beam_search, "09-beam-search");
chapter!(ch10_kv_cache, "10-kv-cache");
chapter!(ch11_loss, "11-loss");
chapter!(ch12_backpropagation, "12-backpropagation");
chapter!(ch13_training, "13-training", "loss-curve", "scaling");
chapter!(ch14_the_real_gpt2, "14-the-real-gpt2");
chapter!(ch15_looking_inside, "15-looking-inside");
chapter!(ch16_making_it_fast, "16-making-it-fast", "roofline");
chapter!(ch17_where_to_go, "17-where-to-go");
chapter!(exercises, "exercises");
chapter!(glossary, "glossary");
