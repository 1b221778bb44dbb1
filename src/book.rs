//! The book: the chapters of `docs/`, as documentation, so that rustdoc compiles and runs every Rust block in them.
//!
//! A book about a program goes wrong quietly: the program changes and the book does not. Here each chapter is the
//! documentation of an empty module. `cargo test --doc` runs its blocks against the crate as it is, and the asserts in
//! them check the numbers in the text against what the code computes. A chapter that no longer agrees with the source
//! fails the tests.
//!
//! Read the chapters here or in `docs/`; the text is the same. Its links are written for `docs/`. Here the same things
//! live elsewhere, so each page ends with a short script that points links to chapters and source files at their pages
//! here. All these addresses are relative, and each page carries its own pictures. The pages can therefore be moved or
//! served from anywhere, and they reveal nothing about the machine that built them. Tests, examples and scripts have no
//! page here; a link to one is reduced to its name.

// Each block of the book is a complete program that you can copy and run.
#![allow(clippy::needless_doctest_main)]

/// The script that points a chapter's links at the pages of this documentation.
macro_rules! links {
    () => {
        concat!("\n<script>\n", include_str!("book.js"), "</script>")
    };
}

/// A picture for the page that shows it: a data block, which a browser neither displays nor runs.
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

/// A chapter: an empty module whose documentation is the text, followed by the pictures that the text shows.
macro_rules! chapter {
    ($name:ident, $file:literal $(, $picture:literal)*) => {
        #[doc = include_str!(concat!("../docs/", $file, ".md"))]
        $(#[doc = picture!($picture)])*
        #[doc = links!()]
        pub mod $name {}
    };
}

chapter!(ch00_what_is_a_gpt, "00-what-is-a-gpt", "loop");
chapter!(ch01_tensors, "01-tensors");
chapter!(ch02_tokens, "02-tokens");
chapter!(ch03_embeddings, "03-embeddings", "arrows");
chapter!(ch04_basic_layers, "04-basic-layers", "gelu");
chapter!(ch05_attention, "05-attention", "heads", "attention-mask", "attention-head", "attention-maps");
chapter!(ch06_mlp_and_block, "06-mlp-and-block", "stream", "block");
chapter!(ch07_the_whole_model, "07-the-whole-model", "forward", "parameters");
chapter!(ch08_choosing_a_token, "08-choosing-a-token", "knobs");
chapter!(ch09_beam_search, "09-beam-search", "beam-tree");
chapter!(ch10_kv_cache, "10-kv-cache", "cache");
chapter!(ch11_loss, "11-loss");
chapter!(ch12_backpropagation, "12-backpropagation", "slopes");
chapter!(ch13_training, "13-training", "samples", "valley", "loss-curve", "scaling");
chapter!(ch14_the_real_gpt2, "14-the-real-gpt2");
chapter!(ch15_looking_inside, "15-looking-inside");
chapter!(ch16_making_it_fast, "16-making-it-fast", "roofline");
chapter!(ch17_where_to_go, "17-where-to-go");
chapter!(exercises, "exercises");
chapter!(fewer_bits, "fewer-bits", "bits");
chapter!(glossary, "glossary");
chapter!(layer_by_layer, "layer-by-layer", "layer-norm-slopes");
chapter!(one_page_to_gpt2, "one-page-to-gpt2");
chapter!(other_files, "other-files");
chapter!(the_storybook, "the-storybook", "scaling");
chapter!(train, "train");
chapter!(variants, "variants");
chapter!(where_programs_differ, "where-programs-differ");
