//! The checkers, one file each, in the order of the book.

use crate::check::Check;

mod adamw;
mod attention;
mod attention_backward;
mod beam_search;
mod block;
mod byte_to_symbol;
mod causal_mask;
mod cosine_similarity;
mod cross_entropy;
mod cross_entropy_gradient;
mod embedding;
mod encode;
mod gelu;
mod gpt2;
mod greedy;
mod kv_cache;
mod layer_norm;
mod layer_norm_backward;
mod learning_rate;
mod linear;
mod linear_backward;
mod matmul;
mod merge_pair;
mod min_p;
mod mlp;
mod most_frequent_pair;
mod multi_head;
mod n_parameters;
mod quantize;
mod softmax;
mod split;
mod tape_backward;
mod temperature;
mod top_k;
mod top_p;
mod topological_order;
mod training;
mod value_backward;

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
        Box::new(causal_mask::exercise()),
        Box::new(attention::exercise()),
        Box::new(multi_head::exercise()),
        Box::new(mlp::exercise()),
        Box::new(block::exercise()),
        Box::new(gpt2::exercise()),
        Box::new(n_parameters::exercise()),
        Box::new(greedy::exercise()),
        Box::new(temperature::exercise()),
        Box::new(top_k::exercise()),
        Box::new(top_p::exercise()),
        Box::new(min_p::exercise()),
        Box::new(beam_search::exercise()),
        Box::new(kv_cache::exercise()),
        Box::new(cross_entropy::exercise()),
        Box::new(cross_entropy_gradient::exercise()),
        Box::new(value_backward::exercise()),
        Box::new(tape_backward::exercise()),
        Box::new(topological_order::exercise()),
        Box::new(linear_backward::exercise()),
        Box::new(layer_norm_backward::exercise()),
        Box::new(attention_backward::exercise()),
        Box::new(adamw::exercise()),
        Box::new(learning_rate::exercise()),
        Box::new(training::exercise()),
        Box::new(quantize::exercise()),
    ]
}
