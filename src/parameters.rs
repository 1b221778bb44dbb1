//! Every parameter of a GPT-2 in one table: its name, its shape, and where it lives.
//!
//! Much of what happens to a model happens to all of its parameters alike. They are counted, filled with zeros, written
//! to a file, moved by the optimizer, packed into fewer bytes. None of that cares what a parameter is for. The names
//! and shapes are therefore listed here once, in the order of the forward pass, and everything else is a loop:
//!
//! | who loops | over what |
//! | --- | --- |
//! | [`Config::shapes`], [`Config::n_parameters`] | the table alone; no model is needed |
//! | [`Gpt2::parameters`], [`Gpt2::parameters_mut`] | the tensors: checkpoints, AdamW, gradients, tests |
//! | [`Gpt2::zeros_like`], [`Gpt2::pack`] | the places that hold them |
//!
//! The two lists of places under the table say the same thing twice, once for reading and once for changing, because
//! Rust has no way to write one function for both. The compiler checks that they are as long as the table, and a test
//! checks each place against its row.
//!
//! A *packed* model has no tensors where its matrices were (see [`crate::weight`]). Asking for its parameters is an
//! error, and this is the one place where you meet it: such a model can be neither trained nor saved, and it cannot be
//! a gradient.

use crate::config::Config;
use crate::error::Result;
use crate::layers::block::Block;
use crate::layers::layer_norm::LayerNorm;
use crate::model::Gpt2;
use crate::tensor::Tensor;
use crate::weight::{Precision, ScalePer, Weight};
use std::fmt;

// ---------------------------------------------------------------------------------------------------------------------
// The table
// ---------------------------------------------------------------------------------------------------------------------

/// A row of the table: a parameter's name in a checkpoint, and its shape in a model of a given size.
type Row = (&'static str, fn(&Config) -> Vec<usize>);

/// Before the blocks.
const EMBEDDINGS: [Row; 2] =
    [("wte.weight", |c| vec![c.n_vocab, c.n_embd]), ("wpe.weight", |c| vec![c.n_ctx, c.n_embd])];

/// In each block `i`; the names begin with `h.i.`.
const BLOCK: [Row; 12] = [
    ("ln_1.weight", |c| vec![c.n_embd]),
    ("ln_1.bias", |c| vec![c.n_embd]),
    ("attn.c_attn.weight", |c| vec![c.n_embd, c.n_embd.saturating_mul(3)]),
    ("attn.c_attn.bias", |c| vec![c.n_embd.saturating_mul(3)]),
    ("attn.c_proj.weight", |c| vec![c.n_embd, c.n_embd]),
    ("attn.c_proj.bias", |c| vec![c.n_embd]),
    ("ln_2.weight", |c| vec![c.n_embd]),
    ("ln_2.bias", |c| vec![c.n_embd]),
    ("mlp.c_fc.weight", |c| vec![c.n_embd, c.n_inner]),
    ("mlp.c_fc.bias", |c| vec![c.n_inner]),
    ("mlp.c_proj.weight", |c| vec![c.n_inner, c.n_embd]),
    ("mlp.c_proj.bias", |c| vec![c.n_embd]),
];

/// After the blocks.
const LAST: [Row; 2] = [("ln_f.weight", |c| vec![c.n_embd]), ("ln_f.bias", |c| vec![c.n_embd])];

/// Only in models whose head is not tied to `wte`.
const OWN_HEAD: Row = ("lm_head.weight", |c| vec![c.n_vocab, c.n_embd]);

/// Whether the head is the embedding table again, or a table of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// The head is `wte`, as in every published GPT-2.
    Tied,
    /// The head is `lm_head.weight`.
    Own,
}

/// Every row of the table in order, with its full name, for a model of `n_layer` blocks.
fn rows(n_layer: usize, head: Head) -> impl Iterator<Item = (String, fn(&Config) -> Vec<usize>)> {
    let plain = |(name, shape): Row| (name.to_string(), shape);
    let in_block = |i: usize| BLOCK.into_iter().map(move |(name, shape)| (format!("h.{i}.{name}"), shape));
    let own_head = (head == Head::Own).then_some(OWN_HEAD);
    EMBEDDINGS
        .into_iter()
        .map(plain)
        .chain((0..n_layer).flat_map(in_block))
        .chain(LAST.into_iter().map(plain))
        .chain(own_head.map(plain))
}

impl Config {
    /// The name of every parameter in a checkpoint and its shape, in the order of the forward pass.
    ///
    /// # Example: the parameters of the last layer norm
    ///
    /// ```
    /// use gpt60::{Config, Head};
    ///
    /// let shapes = Config::gpt2().shapes(Head::Tied);
    /// assert_eq!(shapes[shapes.len() - 2], ("ln_f.weight".to_string(), vec![768]));
    /// ```
    pub fn shapes(&self, head: Head) -> Vec<(String, Vec<usize>)> {
        rows(self.n_layer, head).map(|(name, shape)| (name, shape(self))).collect()
    }

    /// How many parameters a model of this size has, with its head tied to the embedding: every single number of its
    /// weights and biases.
    ///
    /// For absurdly large sizes, the answer stops at the largest `usize`.
    pub fn n_parameters(&self) -> usize {
        let count = |rows: &[Row]| {
            let numbers = rows.iter().map(|(_, shape)| shape(self).into_iter().fold(1, usize::saturating_mul));
            numbers.fold(0, usize::saturating_add)
        };
        let blocks = count(&BLOCK).saturating_mul(self.n_layer);
        count(&EMBEDDINGS).saturating_add(blocks).saturating_add(count(&LAST))
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The places
// ---------------------------------------------------------------------------------------------------------------------

/// Where a model keeps a parameter.
enum Place<'a> {
    /// Position embeddings, layer norms and biases are always tensors.
    Tensor(&'a Tensor),
    /// The matrices of the matrix products can be packed.
    Weight(&'a Weight),
}

impl Place<'_> {
    fn shape(&self) -> &[usize] {
        match self {
            Place::Tensor(tensor) => tensor.shape(),
            Place::Weight(weight) => weight.shape(),
        }
    }
}

/// A mutable [`Place`]. For a weight, it also says which numbers would share a scale.
enum PlaceMut<'a> {
    Tensor(&'a mut Tensor),
    Weight(&'a mut Weight, ScalePer),
}

/// The places of a block's parameters, in the order of [`BLOCK`].
fn places(Block { ln_1, attn, ln_2, mlp }: &Block) -> [Place<'_>; BLOCK.len()] {
    [
        Place::Tensor(&ln_1.weight),
        Place::Tensor(&ln_1.bias),
        Place::Weight(&attn.c_attn.weight),
        Place::Tensor(&attn.c_attn.bias),
        Place::Weight(&attn.c_proj.weight),
        Place::Tensor(&attn.c_proj.bias),
        Place::Tensor(&ln_2.weight),
        Place::Tensor(&ln_2.bias),
        Place::Weight(&mlp.c_fc.weight),
        Place::Tensor(&mlp.c_fc.bias),
        Place::Weight(&mlp.c_proj.weight),
        Place::Tensor(&mlp.c_proj.bias),
    ]
}

/// The mutable [`places`].
fn places_mut(Block { ln_1, attn, ln_2, mlp }: &mut Block) -> [PlaceMut<'_>; BLOCK.len()] {
    [
        PlaceMut::Tensor(&mut ln_1.weight),
        PlaceMut::Tensor(&mut ln_1.bias),
        PlaceMut::Weight(&mut attn.c_attn.weight, ScalePer::Column),
        PlaceMut::Tensor(&mut attn.c_attn.bias),
        PlaceMut::Weight(&mut attn.c_proj.weight, ScalePer::Column),
        PlaceMut::Tensor(&mut attn.c_proj.bias),
        PlaceMut::Tensor(&mut ln_2.weight),
        PlaceMut::Tensor(&mut ln_2.bias),
        PlaceMut::Weight(&mut mlp.c_fc.weight, ScalePer::Column),
        PlaceMut::Tensor(&mut mlp.c_fc.bias),
        PlaceMut::Weight(&mut mlp.c_proj.weight, ScalePer::Column),
        PlaceMut::Tensor(&mut mlp.c_proj.bias),
    ]
}

// ---------------------------------------------------------------------------------------------------------------------
// The loops
// ---------------------------------------------------------------------------------------------------------------------

impl Gpt2 {
    /// Whether the head is tied.
    fn head_kind(&self) -> Head {
        if self.lm_head.is_some() { Head::Own } else { Head::Tied }
    }

    /// Every place with the name of what it holds, in the table's order.
    fn places(&self) -> impl Iterator<Item = (String, Place<'_>)> {
        let embeddings = [Place::Weight(&self.wte), Place::Tensor(&self.wpe)];
        let last = [Place::Tensor(&self.ln_f.weight), Place::Tensor(&self.ln_f.bias)];
        let all = embeddings
            .into_iter()
            .chain(self.h.iter().flat_map(places))
            .chain(last)
            .chain(self.lm_head.as_ref().map(Place::Weight));
        rows(self.h.len(), self.head_kind()).map(|(name, _)| name).zip(all)
    }

    /// The mutable [`Gpt2::places`].
    fn places_mut(&mut self) -> impl Iterator<Item = (String, PlaceMut<'_>)> {
        let names = rows(self.h.len(), self.head_kind()).map(|(name, _)| name);
        // A token's row of `wte` is its vector, and its row of the head makes its logit.
        let embeddings = [PlaceMut::Weight(&mut self.wte, ScalePer::Row), PlaceMut::Tensor(&mut self.wpe)];
        let last = [PlaceMut::Tensor(&mut self.ln_f.weight), PlaceMut::Tensor(&mut self.ln_f.bias)];
        let all = embeddings
            .into_iter()
            .chain(self.h.iter_mut().flat_map(places_mut))
            .chain(last)
            .chain(self.lm_head.as_mut().map(|head| PlaceMut::Weight(head, ScalePer::Row)));
        names.zip(all)
    }

    /// Every parameter with its name, in the order of the forward pass.
    ///
    /// # Errors
    ///
    /// If the model is [packed](Gpt2::pack): its matrices are no longer tensors.
    ///
    /// # Example: how many of a model's numbers belong to attention?
    ///
    /// ```
    /// use gpt60::{Config, Gpt2};
    ///
    /// let model = Gpt2::zeros(&Config::new(10, 8, 12, 3, 2))?;
    /// let parameters = model.parameters()?;
    /// let attention = parameters.iter().filter(|(name, _)| name.contains(".attn."));
    /// assert_eq!(attention.map(|(_, tensor)| tensor.len()).sum::<usize>(), 2 * (12 * 36 + 36 + 12 * 12 + 12));
    /// # Ok::<(), gpt60::Error>(())
    /// ```
    pub fn parameters(&self) -> Result<Vec<(String, &Tensor)>> {
        let tensor = |(name, place)| match place {
            Place::Tensor(tensor) => Ok((name, tensor)),
            Place::Weight(weight) => Ok((name, weight.tensor()?)),
        };
        self.places().map(tensor).collect()
    }

    /// The mutable [`Gpt2::parameters`]: the same names in the same order.
    ///
    /// # Errors
    ///
    /// If the model is [packed](Gpt2::pack).
    pub fn parameters_mut(&mut self) -> Result<Vec<(String, &mut Tensor)>> {
        let tensor = |(name, place)| match place {
            PlaceMut::Tensor(tensor) => Ok((name, tensor)),
            PlaceMut::Weight(weight, _) => Ok((name, weight.tensor_mut()?)),
        };
        self.places_mut().map(tensor).collect()
    }

    /// How many parameters there are, packed or not; a tied head counts once.
    pub fn n_parameters(&self) -> usize {
        self.places().map(|(_, place)| place.shape().iter().product::<usize>()).sum()
    }

    /// A gradient of zeros for this model: the same shapes, every number 0, in full precision.
    pub fn zeros_like(&self) -> Gpt2 {
        let nothing = || Tensor::zeros(&[0, 0]);
        let mut zeros = Gpt2 {
            config: self.config,
            wte: nothing().into(),
            wpe: nothing(),
            h: self.h.iter().map(|_| Block::zeros(&self.config)).collect(),
            ln_f: LayerNorm::zeros(self.config.n_embd, self.config.layer_norm_epsilon),
            lm_head: self.lm_head.as_ref().map(|_| nothing().into()),
        };
        for ((_, zero), (_, place)) in zeros.places_mut().zip(self.places()) {
            match zero {
                PlaceMut::Tensor(zero) if zero.shape() != place.shape() => *zero = Tensor::zeros(place.shape()),
                PlaceMut::Weight(zero, _) if zero.shape() != place.shape() => {
                    *zero = Tensor::zeros(place.shape()).into()
                }
                _ => {} // already the right size
            }
        }
        zeros
    }

    /// Stores the matrices in fewer bytes. They take less memory, and the model writes faster, but it can no longer be
    /// trained or saved. Position embeddings, biases and layer norms stay as they are, because they are few.
    ///
    /// # Errors
    ///
    /// If a weight is not a table.
    ///
    /// # Example: a model in half the bytes
    ///
    /// ```
    /// use gpt60::weight::Precision;
    /// use gpt60::{Config, Gpt2, Rng};
    ///
    /// let mut model = Gpt2::random(&Config::new(10, 8, 12, 3, 2), &mut Rng::new(1))?;
    /// let before = model.logits(&[5, 1, 7])?;
    /// model.pack(Precision::Bf16)?;
    /// model.logits(&[5, 1, 7])?.check_close(&before, 0.02)?; // numbers with two to three digits
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pack(&mut self, precision: Precision) -> Result<()> {
        for (_, place) in self.places_mut() {
            if let PlaceMut::Weight(weight, scale_per) = place {
                weight.pack(precision, scale_per)?;
            }
        }
        Ok(())
    }

    /// Whether any matrix is stored in fewer bytes.
    pub fn is_packed(&self) -> bool {
        self.places().any(|(_, place)| matches!(place, Place::Weight(weight) if weight.is_packed()))
    }
}

/// Prints the size of the model; its numbers would fill a book.
impl fmt::Debug for Gpt2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gpt2")
            .field("config", &self.config)
            .field("n_parameters", &self.n_parameters())
            .field("head", &self.head_kind())
            .field("is_packed", &self.is_packed())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rng;
    use crate::train::adamw::AdamW;

    /// Every dimension has a different size, so no two shapes are equal by chance.
    fn model() -> Gpt2 {
        let config = Config { n_inner: 20, ..Config::new(11, 7, 6, 3, 2) };
        let mut model = Gpt2::random(&config, &mut Rng::new(1)).unwrap();
        model.lm_head = Some(Tensor::random(&[11, 6], 0.02, &mut Rng::new(2)).into());
        model
    }

    fn packed() -> Gpt2 {
        let mut model = model();
        model.pack(Precision::Bf16).unwrap();
        model
    }

    #[test]
    fn the_four_sizes_have_the_published_numbers_of_parameters() {
        // Counted from the published checkpoints.
        assert_eq!(Config::gpt2().n_parameters(), 124_439_808);
        assert_eq!(Config::gpt2_medium().n_parameters(), 354_823_168);
        assert_eq!(Config::gpt2_large().n_parameters(), 774_030_080);
        assert_eq!(Config::gpt2_xl().n_parameters(), 1_557_611_200);
        assert_eq!(Config::new(usize::MAX, 1, usize::MAX, 1, usize::MAX).n_parameters(), usize::MAX);
    }

    #[test]
    fn the_shapes_hold_the_numbers_that_were_counted() {
        let config = Config { n_inner: 50, ..Config::new(101, 33, 35, 5, 3) };
        let count = |head| config.shapes(head).iter().map(|(_, s)| s.iter().product::<usize>()).sum::<usize>();
        assert_eq!(count(Head::Tied), config.n_parameters());
        assert_eq!(count(Head::Own), config.n_parameters() + 101 * 35);
    }

    #[test]
    fn every_place_holds_what_its_row_of_the_table_says() {
        let mut model = model();
        let expected = model.config.shapes(Head::Own);
        let shapes = |list: Vec<(String, &Tensor)>| -> Vec<_> {
            list.into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect()
        };
        assert_eq!(shapes(model.parameters().unwrap()), expected);
        // Both lists lead to the same memory, not just to tensors of the same shape.
        let read: Vec<_> = model.parameters().unwrap().into_iter().map(|(n, t)| (n, t.data().as_ptr())).collect();
        let changed: Vec<_> =
            model.parameters_mut().unwrap().into_iter().map(|(n, t)| (n, t.data().as_ptr())).collect();
        assert_eq!(read, changed);
        assert_eq!(model.n_parameters(), model.config.n_parameters() + 11 * 6);
        // The names are the checkpoints' own, so the fields that they name hold them.
        let find = |wanted: &str| read.iter().find(|(name, _)| name == wanted).unwrap().1;
        assert_eq!(find("h.1.attn.c_proj.weight"), model.h[1].attn.c_proj.weight.tensor().unwrap().data().as_ptr());
        assert_eq!(find("h.0.ln_2.bias"), model.h[0].ln_2.bias.data().as_ptr());
        assert_eq!(find("h.0.ln_1.weight"), model.h[0].ln_1.weight.data().as_ptr());
        assert_eq!(find("h.1.mlp.c_fc.bias"), model.h[1].mlp.c_fc.bias.data().as_ptr());
        assert_eq!(find("ln_f.bias"), model.ln_f.bias.data().as_ptr());
    }

    #[test]
    fn a_gradient_of_zeros_is_zero_however_the_model_is_stored() {
        for model in [model(), packed()] {
            let zeros = model.zeros_like();
            let parameters = zeros.parameters().unwrap();
            let shapes: Vec<_> = parameters.iter().map(|(n, t)| (n.clone(), t.shape().to_vec())).collect();
            assert_eq!(shapes, model.config.shapes(Head::Own));
            assert!(parameters.iter().all(|(_, tensor)| tensor.data().iter().all(|&x| x == 0.0)));
        }
        assert_eq!(model().zeros_like().zeros_like(), model().zeros_like());
    }

    #[test]
    fn a_packed_model_lists_no_tensors_and_cannot_be_trained_or_be_a_gradient() {
        let (mut packed, mut full) = (packed(), model());
        assert_eq!(packed.n_parameters(), full.n_parameters());
        let error = packed.parameters().unwrap_err().to_string();
        assert!(error.contains("packed") && error.contains("f32"), "{error}");
        assert_eq!(packed.parameters_mut().unwrap_err().to_string(), error);
        let grad = full.zeros_like();
        let mut adamw = AdamW::new(&packed, 0.9, 0.99, 0.1);
        assert_eq!(adamw.update(&mut packed, &grad, 0.1).unwrap_err().to_string(), error);
        assert_eq!(adamw.update(&mut full, &packed, 0.1).unwrap_err().to_string(), error);
        assert_eq!(adamw.step, 0); // nothing was done
    }

    #[test]
    fn a_model_is_printed_as_its_size() {
        // Embeddings 66 + 42, two blocks of 12 + 126 + 42 + 12 + 140 + 126, ln_f 12, and a head of 66.
        let text = format!("{:?}", model());
        assert!(text.contains("n_layer: 2") && text.contains("n_parameters: 1102") && text.len() < 350, "{text}");
    }
}
