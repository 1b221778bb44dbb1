//! What the rungs above the page share: the weights by their names, and Adam for all of them.

use super::Number;
use super::one_page::{N_CTX, N_EMBD, N_HEAD};

pub const N_VOCAB: usize = 27; // the 26 letters and the line break
pub const HEAD: usize = N_EMBD / N_HEAD;
pub const QKV: usize = 3 * N_EMBD;
pub const WIDE: usize = 4 * N_EMBD;
pub const N_WEIGHTS: usize = N_EMBD * (2 * N_VOCAB + N_CTX + QKV + N_EMBD + 2 * WIDE);

/// A number for each weight: the weights themselves, or their gradient, or a mean that Adam keeps.
#[derive(Clone)]
pub struct Matrices {
    pub wte: [[Number; N_EMBD]; N_VOCAB],
    pub wpe: [[Number; N_EMBD]; N_CTX],
    pub c_attn: [[Number; QKV]; N_EMBD],
    pub attn_proj: [[Number; N_EMBD]; N_EMBD],
    pub c_fc: [[Number; WIDE]; N_EMBD],
    pub mlp_proj: [[Number; N_EMBD]; WIDE],
    pub lm_head: [[Number; N_VOCAB]; N_EMBD],
}

impl Matrices {
    pub fn zeros() -> Matrices {
        Matrices {
            wte: [[0.0; N_EMBD]; N_VOCAB],
            wpe: [[0.0; N_EMBD]; N_CTX],
            c_attn: [[0.0; QKV]; N_EMBD],
            attn_proj: [[0.0; N_EMBD]; N_EMBD],
            c_fc: [[0.0; WIDE]; N_EMBD],
            mlp_proj: [[0.0; N_EMBD]; WIDE],
            lm_head: [[0.0; N_VOCAB]; N_EMBD],
        }
    }

    /// The numbers of each matrix, in the order of the page.
    #[inline(always)]
    pub fn parts(&mut self) -> [&mut [Number]; 7] {
        [
            self.wte.as_flattened_mut(),
            self.wpe.as_flattened_mut(),
            self.c_attn.as_flattened_mut(),
            self.attn_proj.as_flattened_mut(),
            self.c_fc.as_flattened_mut(),
            self.mlp_proj.as_flattened_mut(),
            self.lm_head.as_flattened_mut(),
        ]
    }
}

/// A model that learns: its weights, their gradient, and for each weight the mean of its slopes and of their squares.
pub struct Learner {
    pub weights: Box<Matrices>,
    pub gradient: Box<Matrices>,
    means: Box<Matrices>,
    squares: Box<Matrices>,
}

impl Learner {
    /// `weights` are all of them in the order of the page.
    pub fn new(weights: &[f64]) -> Learner {
        let [mut first, gradient, means, squares] = [(); 4].map(|()| Box::new(Matrices::zeros()));
        let mut weights = weights.iter();
        for (number, &weight) in first.parts().into_iter().flatten().zip(&mut weights) {
            *number = weight as Number;
        }
        assert!(weights.next().is_none(), "there are more weights than the model has");
        Learner { weights: first, gradient, means, squares }
    }

    /// The page's formula for every weight.
    #[inline(always)]
    pub fn adam(&mut self, step: usize, rate: f64) {
        let pace = Pace::new(step, rate);
        self.parts().into_iter().for_each(|part| part.adam(pace));
    }

    /// One part of the work for each matrix.
    #[inline(always)]
    pub fn parts(&mut self) -> [Part<'_>; 7] {
        let (mut slopes, mut means) = (self.gradient.parts().into_iter(), self.means.parts().into_iter());
        let mut squares = self.squares.parts().into_iter();
        self.weights.parts().map(|weights| {
            let more = (slopes.next(), means.next(), squares.next());
            let (Some(slopes), Some(means), Some(squares)) = more else { unreachable!("all have seven parts") };
            Part { weights, slopes, means, squares }
        })
    }
}

/// What is the same for all weights in a step of Adam.
#[derive(Clone, Copy)]
pub struct Pace {
    rate: Number,       // / the part of the means that is there
    correction: Number, // 1 / the part of the squares that is there
}

impl Pace {
    pub fn new(step: usize, rate: f64) -> Pace {
        let n_steps = step as f64 + 1.0;
        let (part, part_of_squares) = (1.0 - 0.85f64.powf(n_steps), 1.0 - 0.99f64.powf(n_steps));
        Pace { rate: (rate / part) as Number, correction: (1.0 / part_of_squares) as Number }
    }
}

/// A matrix, as a list of numbers, with all that Adam needs.
pub struct Part<'a> {
    weights: &'a mut [Number],
    slopes: &'a mut [Number],
    means: &'a mut [Number],
    squares: &'a mut [Number],
}

impl Part<'_> {
    #[inline(always)]
    pub fn adam(self, pace: Pace) {
        let moments = self.means.iter_mut().zip(self.squares);
        for ((weight, slope), (mean, square)) in self.weights.iter_mut().zip(self.slopes).zip(moments) {
            *mean = 0.85 * *mean + 0.15 * *slope;
            *square = 0.99 * *square + 0.01 * *slope * *slope;
            *weight -= pace.rate * *mean / ((*square * pace.correction).sqrt() + 1e-8);
        }
    }
}
