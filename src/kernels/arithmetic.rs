//! In which numbers the products are made: `f32`, or `bf16`.
//!
//! Training can round both factors of every product to `bf16` (see `float16.rs`) and add the products up in `f32`: that is
//! twice as fast where the processor has instructions for it. Everything else stays `f32`. The layers do not know of this.
//! Whoever calls them says it once, for all the products that are made within:
//!
//! ```
//! use gpt60::Tensor;
//! use gpt60::kernels::arithmetic::{Arithmetic, within};
//!
//! let x = Tensor::full(&[20, 1], 1.001); // between 1 and the next bf16, 1 + 1/128, and nearer to 1
//! let product = || x.matmul_t(&x);
//! assert_eq!(within(Arithmetic::Bf16, product)?.data()[0], 1.0);
//! assert!(within(Arithmetic::F32, product)?.data()[0] > 1.0);
//! # Ok::<(), gpt60::Error>(())
//! ```
//!
//! [Numbers in fewer bits](crate::book::fewer_bits), a page beside [chapter 16](crate::book::ch16_making_it_fast), explains it.

use crate::error::{Error, Result};
use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

/// In which numbers products of `f32` matrices are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arithmetic {
    /// As they are.
    #[default]
    F32,
    /// Both factors rounded to `bf16`; the sums are `f32`. Products of a few rows stay `f32`.
    Bf16,
}

impl Arithmetic {
    /// All of them, the most exact first.
    pub const ALL: [Arithmetic; 2] = [Arithmetic::F32, Arithmetic::Bf16];
}

/// The name on a command line: `f32` or `bf16`.
impl fmt::Display for Arithmetic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Arithmetic::F32 => "f32",
            Arithmetic::Bf16 => "bf16",
        })
    }
}

impl FromStr for Arithmetic {
    type Err = Error;

    fn from_str(name: &str) -> Result<Arithmetic> {
        let found = Arithmetic::ALL.into_iter().find(|arithmetic| arithmetic.to_string() == name);
        found.ok_or_else(|| Error::argument(format!("{name:?}"), "choose f32 or bf16"))
    }
}

thread_local! {
    static CURRENT: Cell<Arithmetic> = const { Cell::new(Arithmetic::F32) };
}

/// In which numbers this thread's products are made at present: `F32`, except [`within`] a closure that was given another.
pub fn current() -> Arithmetic {
    CURRENT.get()
}

/// Runs `work`; the products that it makes are made with this arithmetic, and so are those of the threads that help it.
pub fn within<R>(arithmetic: Arithmetic, work: impl FnOnce() -> R) -> R {
    /// Goes back to what was before, even if `work` panics.
    struct Restore(Arithmetic);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(arithmetic));
    work()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_arithmetic_and_any_other_is_told_what_to_choose() {
        for (name, arithmetic) in [("f32", Arithmetic::F32), ("bf16", Arithmetic::Bf16)] {
            assert_eq!((name.parse().unwrap(), arithmetic.to_string().as_str()), (arithmetic, name));
        }
        for name in ["int8", "BF16", "f16", ""] {
            let error = name.parse::<Arithmetic>().unwrap_err().to_string();
            assert!(error.contains(&format!("{name:?}")) && error.contains("choose f32 or bf16"), "{error}");
        }
    }

    #[test]
    fn what_was_before_is_back_afterwards_even_after_a_panic() {
        within(Arithmetic::Bf16, || {
            assert_eq!(current(), Arithmetic::Bf16);
            assert!(std::panic::catch_unwind(|| within(Arithmetic::F32, || panic!("as expected"))).is_err());
            assert_eq!(current(), Arithmetic::Bf16);
        });
        assert_eq!(current(), Arithmetic::F32);
    }
}
