//! A model in a quarter of the bytes: its matrices as whole numbers, with scales beside them.
//!
//! Most of a file of weights is matrices, and a matrix bears rounding: see `quantize.rs`. So a matrix can be kept as a
//! tensor of type `I8`, and a second tensor, whose name ends in `_scale`, says what a step of these numbers is worth:
//!
//! ```text
//! "h.0.attn.c_attn.weight"          I8    [in, out]     whole numbers from -127 to 127
//! "h.0.attn.c_attn.weight_scale"    F32   [1, out]      one for each column, that is for each output
//! "wte.weight"                      I8    [n_vocab, n_embd]
//! "wte.weight_scale"                F32   [n_vocab, 1]  one for each row: there a row is what makes an output
//! ```
//!
//! The weight is the product of the two, `w = q * scale`, with the scale repeated along the dimension of size 1, as NumPy
//! and PyTorch multiply such shapes anyway. Biases and the vectors of layer norm are few, and are kept as `F16`.
//!
//! These are the whole numbers that `--weights int8` multiplies with. A model that is read as `f32` and packed again gets
//! them back.
//!
//! No program but this one reads such a directory as a GPT-2: there are as many ways to keep a byte as there are
//! libraries. Keep a copy in `F32` or `F16` for the others.
//!
//! [Models in other files](crate::book::other_files) explains it.

use super::gpt2_names::{is_linear, without_prefixes};
use super::safetensors::{Dtype, Item};
use super::tensors::{Kind, Place, Tensors};
use crate::error::Result;
use crate::quantize::quantize;
use crate::tensor::Tensor;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// How the tensor of the scales is called.
pub(super) fn name_of_scales(name: &str) -> String {
    format!("{name}_scale")
}

/// The weights as they are written: each matrix as whole numbers, with its scales after it.
///
/// # Errors
///
/// None for the weights of a model: matrices are tables.
pub(super) fn items<'a>(tensors: &[(String, &'a Tensor)]) -> Result<Vec<Item<'a>>> {
    let mut items = Vec::new();
    for (name, tensor) in tensors {
        if tensor.shape().len() != 2 {
            items.push(Item { name: name.clone(), tensor: Cow::Borrowed(tensor), dtype: Dtype::F16 });
            continue;
        }
        let (numbers, scales) = whole_numbers(name, tensor)?;
        items.push(Item { name: name.clone(), tensor: Cow::Owned(numbers), dtype: Dtype::I8 });
        items.push(Item { name: name_of_scales(name), tensor: Cow::Owned(scales), dtype: Dtype::F32 });
    }
    Ok(items)
}

/// A matrix as whole numbers, in its own shape, and their scales, one for each output: `[n_rows, 1]` for the matrix of an
/// embedding or of the head, of which a row belongs together; `[1, n_cols]` for that of a linear layer, of which a column
/// does. `name` says which it is.
///
/// # Errors
///
/// If this is not a matrix.
pub(crate) fn whole_numbers(name: &str, matrix: &Tensor) -> Result<(Tensor, Tensor)> {
    let (n_rows, n_cols) = matrix.table("int8")?;
    let by_row = !is_linear(without_prefixes(name));
    let outputs = if by_row { Cow::Borrowed(matrix) } else { Cow::Owned(matrix.transpose()?) };
    let (mut numbers, mut scales) = (Vec::with_capacity(matrix.len()), Vec::with_capacity(outputs.n_rows()));
    for i in 0..outputs.n_rows() {
        let (row, scale) = quantize(outputs.row(i));
        numbers.extend(row.into_iter().map(f32::from));
        scales.push(scale);
    }
    let numbers = Tensor::new(outputs.shape(), numbers)?;
    let numbers = if by_row { numbers } else { numbers.transpose()? };
    Ok((numbers, Tensor::new(&if by_row { [n_rows, 1] } else { [1, n_cols] }, scales)?))
}

impl<R> Tensors<R> {
    /// The same tensors, where each tensor of whole numbers that has fitting scales beside it is one tensor together with
    /// them.
    #[must_use]
    pub fn with_scales(mut self) -> Tensors<R> {
        let named: HashMap<&str, &Place> = self.places.iter().map(|place| (place.name.as_str(), place)).collect();
        let mut pairs = HashMap::new();
        for place in self.places.iter().filter(|place| place.kind == Kind::Plain(Dtype::I8)) {
            if let Some(&scales) = named.get(name_of_scales(&place.name).as_str())
                && matches!(&scales.kind, Kind::Plain(dtype) if dtype.is_weight())
                && let [n_rows, n_cols] = place.shape[..]
                && (is_by_column(&scales.shape, n_cols) || scales.shape == [n_rows, 1])
            {
                pairs.insert(place.name.clone(), scales.clone());
            }
        }
        let taken: HashSet<String> = pairs.values().map(|scales| scales.name.clone()).collect();
        self.places.retain(|place| !taken.contains(&place.name));
        for place in &mut self.places {
            if let Some(scales) = pairs.remove(&place.name) {
                place.kind = Kind::Scaled(Box::new(scales));
            }
        }
        self
    }
}

/// Bytes to whole numbers. All of them are numbers.
pub(super) fn decode(bytes: &[u8], out: &mut [f32]) -> bool {
    out.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = f32::from(byte.cast_signed()));
    true
}

/// Whether scales of this shape are one for each column of a matrix of `n_cols` columns, not one for each row: `[1, n_cols]`,
/// not `[n_rows, 1]`. A matrix of one row, or of one column, can have the only scale of `[1, 1]`, and either answer is right
/// where both shapes are the same.
pub(crate) fn is_by_column(scales: &[usize], n_cols: usize) -> bool {
    scales == [1, n_cols]
}

/// Multiplies numbers of a matrix of `n_cols` columns, from number `first` on, row by row, with the scales of the matrix, whose
/// shape is `[1, n_cols]` or `[n_rows, 1]`.
pub(super) fn scale(mut numbers: &mut [f32], first: usize, n_cols: usize, scales: &[f32], shape: &[usize]) {
    let by_column = is_by_column(shape, n_cols);
    let mut next = first;
    while !numbers.is_empty() {
        let (i, j) = (next / n_cols, next % n_cols);
        let (row, later) = numbers.split_at_mut(numbers.len().min(n_cols - j));
        if by_column {
            row.iter_mut().zip(&scales[j..]).for_each(|(x, scale)| *x *= scale);
        } else {
            row.iter_mut().for_each(|x| *x *= scales[i]);
        }
        next += row.len();
        numbers = later;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::{load, save};
    use crate::config::Config;
    use crate::model::Gpt2;
    use crate::quantize::dequantize;
    use crate::rng::Rng;
    use crate::weight::Precision;
    use std::path::PathBuf;

    fn saved(name: &str, model: &Gpt2) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("gpt60-int8-{name}-{}", std::process::id()));
        save(&dir, model, None, Dtype::I8).unwrap();
        dir
    }

    fn random() -> Gpt2 {
        Gpt2::random(&Config::new(31, 8, 12, 3, 2), &mut Rng::new(3)).unwrap()
    }

    #[test]
    fn a_matrix_comes_back_as_its_whole_numbers_times_their_scales() {
        let model = random();
        let dir = saved("back", &model);
        let back = load(&dir).unwrap().model;
        std::fs::remove_dir_all(&dir).unwrap();

        let rounded = |row: &[f32]| -> Vec<f32> {
            let (numbers, scale) = quantize(row);
            dequantize(&numbers, scale)
        };
        let (before, after) = (model.wte.tensor().unwrap(), back.wte.tensor().unwrap());
        for i in 0..31 {
            assert_eq!(after.row(i), rounded(before.row(i)), "wte, token {i}");
        }
        let [before, after] = [&model, &back].map(|m| m.h[1].mlp.c_fc.weight.tensor().unwrap().transpose().unwrap());
        for j in 0..48 {
            assert_eq!(after.row(j), rounded(before.row(j)), "c_fc, output {j}");
        }
    }

    #[test]
    fn a_model_that_was_read_and_is_packed_again_has_the_same_whole_numbers() {
        let model = random();
        let dir = saved("again", &model);
        let mut back = load(&dir).unwrap().model;
        std::fs::remove_dir_all(&dir).unwrap();
        let mut packed = model.clone();
        packed.pack(Precision::Int8).unwrap();
        back.pack(Precision::Int8).unwrap();
        // The scale of a row whose largest number is 127 * scale is found again, but for the last bit.
        for i in 0..31 {
            for (a, b) in packed.wte.row(i).iter().zip(back.wte.row(i).iter()) {
                assert!((a - b).abs() <= a.abs() * 2.0 * f32::EPSILON, "token {i}: {a} and {b}");
            }
        }
    }

    #[test]
    fn a_file_has_one_byte_for_each_number_of_a_matrix() {
        let dir = saved("size", &random());
        let bytes = std::fs::read(dir.join("model.safetensors")).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        // Matrices: 31*12 + 8*12, and two blocks of 12*36 + 12*12 + 12*48 + 48*12. Their scales: 31 + 8 + 2 * (36+12+48+12).
        // Vectors: 2 * (4*12 + 36 + 12 + 48 + 12) + 2*12.
        assert_eq!(bytes.len() - 8 - header, 468 + 2 * 1728 + 4 * (39 + 216) + 2 * (2 * 156 + 24));
    }

    #[test]
    fn a_part_of_a_matrix_is_multiplied_as_the_whole_is() {
        // [2, 3], number by number: columns are worth 1, 10, 100, or rows 1, 10.
        for (scales, shape, expected) in [
            (&[1.0, 10.0, 100.0][..], [1, 3], [1.0, 20.0, 300.0, 4.0, 50.0, 600.0]),
            (&[1.0, 10.0][..], [2, 1], [1.0, 2.0, 3.0, 40.0, 50.0, 60.0]),
        ] {
            for first in 0..6 {
                for end in first..=6 {
                    let mut part: Vec<f32> = (first + 1..=end).map(|x| x as f32).collect();
                    scale(&mut part, first, 3, scales, &shape);
                    assert_eq!(part, expected[first..end], "{first}..{end}");
                }
            }
        }
    }

    /// The file of a random model, changed.
    fn with_header(name: &str, change: impl Fn(String) -> String) -> String {
        let dir = saved(name, &random());
        let path = dir.join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        let end = 8 + u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let header = change(String::from_utf8(bytes[8..end].to_vec()).unwrap());
        let all = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &bytes[end..]].concat();
        std::fs::write(&path, all).unwrap();
        let problem = load(&dir).unwrap_err().to_string();
        std::fs::remove_dir_all(&dir).unwrap();
        problem
    }

    #[test]
    fn whole_numbers_without_fitting_scales_are_refused_by_name() {
        let problem = with_header("none", |header| header.replace("wpe.weight_scale", "wpe.weight_other"));
        assert!(problem.contains("wpe.weight\"") && problem.contains("\"transformer.wpe.weight_scale\""), "{problem}");
        let problem = with_header("shape", |header| header.replace("[8,1]", "[2,4]"));
        assert!(problem.contains("its dtype is I8, and no tensor"), "{problem}");
    }

    #[test]
    fn a_scale_that_is_no_number_is_refused() {
        let mut model = random();
        model.wte.tensor_mut().unwrap().row_mut(5)[2] = f32::INFINITY;
        let dir = saved("infinite", &model);
        let problem = load(&dir).unwrap_err().to_string();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(problem.contains("wte.weight_scale") && problem.contains("NaN or infinite"), "{problem}");
    }
}
