//! The checkers, one file each, in the order of the book.

use crate::check::Check;

mod byte_to_symbol;
mod cosine_similarity;
mod embedding;
mod encode;
mod gelu;
mod layer_norm;
mod linear;
mod matmul;
mod merge_pair;
mod mlp;
mod most_frequent_pair;
mod softmax;
mod split;

/// All of them.
pub fn all() -> Vec<Box<dyn Check>> {
    vec![
        Box::new(matmul::exercise()),
        Box::new(most_frequent_pair::exercise()),
        Box::new(merge_pair::exercise()),
        Box::new(byte_to_symbol::exercise()),
        Box::new(split::exercise()),
        Box::new(encode::exercise()),
        Box::new(cosine_similarity::exercise()),
        Box::new(embedding::exercise()),
        Box::new(softmax::exercise()),
        Box::new(linear::exercise()),
        Box::new(gelu::exercise()),
        Box::new(layer_norm::exercise()),
        Box::new(mlp::exercise()),
    ]
}
