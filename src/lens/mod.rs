//! Looking inside: what a model computes on the way to its answer, for web pages and pictures.
//!
//! A model is a few million numbers, and what it does with a text is a few million more. Nobody can read them. But many
//! of them mean something on their own: a row of attention says where a token looks, a distribution says what the model
//! expects. A [`Probe`](crate::Probe) hands them over by name; here they become something to look at.
//!
//! * [`trace`]: everything that one forward pass computed.
//! * [`logit_lens`]: what the model would answer if it stopped after a block.
//!
//! The rest serves only the examples and the book's pictures. It has no page in this documentation; read the files:
//!
//! * `page_data.rs`: both of the above for a web page, with the numbers in base64. `cargo run --example explore` writes
//!   it.
//! * `page_model.rs`: a whole small model for a web page that runs it. `explore --live` writes it.
//! * `svg.rs` and `chart.rs`: drawing, from rectangles and words to curves along axes. They know nothing about models.
//! * `pictures/`: the pictures of the book, each a function from numbers to a drawing. `cargo run --example pictures`
//!   writes those in `docs/img/`, and a test fails if one of them is no longer what the source draws.
//!
//! [Chapter 15](crate::book::ch15_looking_inside) explains it.

#[doc(hidden)]
pub mod base64;
#[doc(hidden)]
pub mod chart;
pub mod logit_lens;
#[doc(hidden)]
pub mod page_data;
#[doc(hidden)]
pub mod page_model;
#[doc(hidden)]
pub mod pictures;
#[doc(hidden)]
pub mod svg;
pub mod trace;
