//! The values in a GGUF file, read one after the other. `header.rs` says how they are written.

use crate::checkpoint::json::quote;
use crate::error::{Error, Result};
use std::io::{BufReader, Read, Seek, SeekFrom};

/// The value of an entry.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::checkpoint) enum Value {
    Integer(i128),
    Real(f64),
    Truth(bool),
    Text(String),
    Texts(Vec<Box<str>>),
    /// Integers of 4 bytes, as the types of tokens are.
    Integers(Vec<i32>),
    /// An array of something that nobody asks for.
    Other,
}

/// The error for a file that is not as the format wants it.
pub(super) fn fail(problem: impl Into<String>) -> Error {
    Error::format("GGUF", problem)
}

/// The bytes of a source, read from the first to the last.
pub(super) struct Bytes<'a, R> {
    reader: BufReader<&'a mut R>,
    at: u64,
    end: u64,
}

/// How many bytes a value takes, by the number of its type; 0 for a text and for an array.
const SIZES: [u64; 13] = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
/// No longer arrays are kept. GPT-2's vocabulary has 50,257 tokens.
const MOST: u64 = 10_000_000;
const TEXT: u32 = 8;
const ARRAY: u32 = 9;

impl<'a, R: Read + Seek> Bytes<'a, R> {
    /// Begins with the first byte.
    pub fn new(reader: &'a mut R) -> Result<Bytes<'a, R>> {
        let unreadable = |e| Error::io_in("GGUF", "read", e);
        let end = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        reader.rewind().map_err(unreadable)?;
        Ok(Bytes { reader: BufReader::with_capacity(1 << 16, reader), at: 0, end })
    }

    /// How many bytes were read.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// How many bytes are left.
    pub fn left(&self) -> u64 {
        self.end - self.at
    }

    /// Goes on by `n` bytes, after checking that there are as many. `what` they are is for the message.
    fn go(&mut self, n: u64, what: &str) -> Result<()> {
        if n > self.left() {
            let (at, left) = (self.at, self.left());
            return Err(fail(format!(
                "{what}, at byte {at}, takes {n} bytes, and {left} are left: is the file cut short?"
            )));
        }
        self.at += n;
        Ok(())
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        self.go(N as u64, what)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|e| Error::io_in("GGUF", "read", e))?;
        Ok(bytes)
    }

    pub fn u32(&mut self, what: &str) -> Result<u32> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub fn u64(&mut self, what: &str) -> Result<u64> {
        self.array(what).map(u64::from_le_bytes)
    }

    fn skip(&mut self, n: u64, what: &str) -> Result<()> {
        self.go(n, what)?;
        // What is left of the file fits, so this is never too large for the sign.
        self.reader.seek_relative(n as i64).map_err(|e| Error::io_in("GGUF", "read", e))
    }

    /// A text.
    pub fn text(&mut self, what: &str) -> Result<String> {
        let begin = self.at;
        let n = self.u64(what)?;
        self.go(n, what)?;
        let mut bytes = vec![0; n as usize]; // as many are left
        self.reader.read_exact(&mut bytes).map_err(|e| Error::io_in("GGUF", "read", e))?;
        String::from_utf8(bytes).map_err(|_| fail(format!("{what}, at byte {begin}, is not UTF-8")))
    }

    /// The value under `key`. One that is not `kept` is passed over.
    pub fn value(&mut self, key: &str, kept: bool) -> Result<Value> {
        let what = &format!("the value of {}", quote(key));
        match self.u32(what)? {
            TEXT if kept => Ok(Value::Text(self.text(what)?)),
            TEXT => {
                let n = self.u64(what)?;
                self.skip(n, what)?;
                Ok(Value::Other)
            }
            ARRAY => self.array_value(what, kept),
            kind => self.plain(kind, what),
        }
    }

    /// An array.
    fn array_value(&mut self, what: &str, kept: bool) -> Result<Value> {
        let (kind, n) = (self.u32(what)?, self.u64(what)?);
        if kept && n > MOST {
            return Err(fail(format!("{what} has {n} elements, and at most {MOST} are read here")));
        }
        match kind {
            TEXT if kept => {
                // Each takes 8 bytes at least.
                let mut texts = Vec::with_capacity(n.min(self.left() / 8) as usize);
                for _ in 0..n {
                    texts.push(self.text(what)?.into_boxed_str());
                }
                Ok(Value::Texts(texts))
            }
            TEXT => {
                for _ in 0..n {
                    let length = self.u64(what)?;
                    self.skip(length, what)?;
                }
                Ok(Value::Other)
            }
            4 | 5 if kept => {
                let mut integers = Vec::with_capacity(n.min(self.left() / 4) as usize);
                for _ in 0..n {
                    integers.push(i32::from_le_bytes(self.array(what)?));
                }
                Ok(Value::Integers(integers))
            }
            ARRAY => Err(fail(format!("{what} is an array of arrays, which the format does not have"))),
            kind => {
                let size = self.size(kind, what)?;
                let n_bytes = n.saturating_mul(size);
                self.skip(n_bytes, what)?;
                Ok(Value::Other)
            }
        }
    }

    /// How many bytes a value of this type takes that is no text and no array.
    fn size(&self, kind: u32, what: &str) -> Result<u64> {
        let size = SIZES.get(kind as usize).copied().filter(|size| *size > 0);
        size.ok_or_else(|| fail(format!("{what}, before byte {}, has the unknown type {kind}", self.at)))
    }

    /// A value that is no text and no array.
    fn plain(&mut self, kind: u32, what: &str) -> Result<Value> {
        let n = self.size(kind, what)? as usize;
        // The lowest byte comes first, and those that are not there are zero.
        let mut bytes = [0; 8];
        self.go(n as u64, what)?;
        self.reader.read_exact(&mut bytes[..n]).map_err(|e| Error::io_in("GGUF", "read", e))?;
        let unsigned = u64::from_le_bytes(bytes);
        Ok(match kind {
            0 | 2 | 4 | 10 => Value::Integer(unsigned.into()),
            1 => Value::Integer((unsigned as i8).into()),
            3 => Value::Integer((unsigned as i16).into()),
            5 => Value::Integer((unsigned as i32).into()),
            11 => Value::Integer((unsigned as i64).into()),
            6 => Value::Real(f32::from_bits(unsigned as u32).into()),
            7 => Value::Truth(unsigned != 0),
            _ => Value::Real(f64::from_bits(unsigned)),
        })
    }
}
