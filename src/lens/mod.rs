//! Looking inside: what a model computes on its way, as pictures.
//!
//! A model is a few million numbers, and what it does with a text is a few million more. Nobody can read them. But many of
//! them mean something on their own: a row of attention says where a token looks, a distribution says what the model
//! expects. A [`Probe`](crate::Probe) hands them over by name; here they become something to look at.
//!
//! * [`svg`]: drawing, from rectangles to charts. It knows nothing of models.
//! * [`pictures`]: the pictures of the book, each a function from numbers to a drawing.
//!
//! `cargo run --example pictures` writes those in `docs/img/`, and a test holds them to the code: a picture that the source
//! no longer draws fails.

pub mod pictures;
pub mod svg;
