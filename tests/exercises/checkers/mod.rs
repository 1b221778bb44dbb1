//! The checkers, one file each, in the order of the book.

use crate::check::Check;

mod adamw;
mod attention_backward;
mod byte_to_symbol;
mod cosine_similarity;
mod cross_entropy;
mod cross_entropy_gradient;
mod embedding;
mod encode;
mod gelu;
mod layer_norm;
mod layer_norm_backward;
mod learning_rate;
mod linear;
mod linear_backward;
mod matmul;
mod merge_pair;
mod mlp;
mod most_frequent_pair;
mod softmax;
mod split;
mod training;

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
        Box::new(cross_entropy::exercise()),
        Box::new(cross_entropy_gradient::exercise()),
        Box::new(linear_backward::exercise()),
        Box::new(layer_norm_backward::exercise()),
        Box::new(attention_backward::exercise()),
        Box::new(adamw::exercise()),
        Box::new(learning_rate::exercise()),
        Box::new(training::exercise()),
    ]
}
