//! safetensors, read and written: the file a model's numbers travel in.
//!
//! Models used to travel as Python pickles, and opening a pickle can run any program that its author put inside. The
//! safetensors format is the answer: a file that can only hold numbers, so simple that you can check a reader of it by
//! eye. It has three parts:
//!
//! ```text
//! 8 bytes       n, the length of the header, as a little-endian integer
//! n bytes       the header: JSON, which gives each tensor a name, a dtype, a shape and a place
//! the rest      the data: the tensors' numbers, row-major and little-endian, one tensor after the other
//! ```
//!
//! Here is a whole file, byte by byte. It holds one tensor `b` of shape `[2]`, with the numbers 1 and -2:
//!
//! ```text
//! 38 00 00 00 00 00 00 00                                    n = 56
//! {"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}     54 characters, and two spaces to make it 56
//! 00 00 80 3f                                                 1.0 as an f32: data bytes 0, 1, 2, 3
//! 00 00 00 c0                                                -2.0: data bytes 4, 5, 6, 7
//! ```
//!
//! `data_offsets` counts from the first byte after the header, and the second of the two is one past the end. The
//! spaces make the data begin at a multiple of 8. Files without them exist (OpenAI's GPT-2 as it is distributed is
//! one), and a reader must not rely on it. Notes about the file, string keys with string values, may be stored under
//! the name `__metadata__`.
//!
//! **Files come from strangers.** A header may promise a tensor of a billion numbers in a file of ninety bytes, two
//! tensors in the same place, or a shape whose product overflows. That is why the whole header is checked against the
//! file's real size before anything is allocated for the data: the tensors must cover the data exactly, without a hole,
//! an overlap or a spare byte, and the length of each must match its shape and dtype. After that, only the disk can
//! make reading fail.
//!
//! This file reads and writes the whole; `header.rs` handles its header, and `dtype.rs` its numbers.
//!
//! A production program would use the `safetensors` crate, and map the file into memory instead of reading it.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

pub(in crate::checkpoint) mod dtype;
mod header;

#[cfg(test)]
mod tests;

pub use dtype::Dtype;
pub use header::{Entry, Header, Metadata};

use super::beside::write_beside_with;
use super::gpt2_names::Family;
use super::tensors::{self, CHUNK, Kind, Order, Place, Tensors, tensor_error};
use crate::error::{Error, Result};
use crate::kernels::memory;
use crate::tensor::Tensor;
use crate::text_file::mistaken_for;
use dtype::encode;
use header::{LONGEST_HEADER, header_error};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// An open safetensors file, or bytes in memory of the same form. The header has been read and checked; the tensors are
/// read one by one, when you ask for them.
///
/// # Example: write a file in memory and look inside
///
/// ```
/// use gpt60::Tensor;
/// use gpt60::checkpoint::safetensors::{Dtype, SafeTensors, to_bytes};
///
/// let b = Tensor::new(&[2], vec![1.0, -2.0])?;
/// let bytes = to_bytes(&[("b".to_string(), &b)], &[], Dtype::F32)?;
///
/// let mut file = SafeTensors::from_bytes(&bytes)?;
/// assert_eq!(file.header().tensors[0].name, "b");
/// assert_eq!(file.read_tensor(0)?.data(), &[1.0, -2.0]);
/// # Ok::<(), gpt60::Error>(())
/// ```
pub struct SafeTensors<R> {
    header: Header,
    /// Where the data begin in the source.
    data_start: u64,
    source: R,
}

impl<R> fmt::Debug for SafeTensors<R> {
    /// The number of tensors and bytes: the header of a large model would fill pages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_bytes = self.header.tensors.last().map_or(0, |entry| entry.end);
        f.debug_struct("SafeTensors")
            .field("n_tensors", &self.header.tensors.len())
            .field("n_bytes", &n_bytes)
            .finish_non_exhaustive()
    }
}

impl SafeTensors<File> {
    /// Opens the file `path` and checks its header.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or whose header is not a safetensors header.
    pub fn open(path: impl AsRef<Path>) -> Result<SafeTensors<File>> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
        let mut start = Vec::new();
        (&file).take(512).read_to_end(&mut start).map_err(|e| Error::io(path, "read", e))?;
        if let Some(problem) = mistaken_for(&start) {
            return Err(Error::file(path, problem));
        }
        if start.is_empty() {
            return Err(Error::file(path, "is empty; get the file again"));
        }
        SafeTensors::new(file).map_err(|e| e.in_file(path))
    }
}

impl<'a> SafeTensors<Cursor<&'a [u8]>> {
    /// Checks the header of a file that is in memory.
    ///
    /// # Errors
    ///
    /// A header that is not a safetensors header.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<SafeTensors<Cursor<&'a [u8]>>> {
        SafeTensors::new(Cursor::new(bytes))
    }
}

impl<R: Read + Seek> SafeTensors<R> {
    /// Reads and checks the header.
    ///
    /// # Errors
    ///
    /// A source that cannot be read, or a header that is not a safetensors header.
    pub fn new(mut source: R) -> Result<SafeTensors<R>> {
        let unreadable = |e| Error::io_in("safetensors header", "read", e);
        let size = source.seek(SeekFrom::End(0)).map_err(unreadable)?;
        source.rewind().map_err(unreadable)?;
        if size < 8 {
            return Err(header_error(format!("the file has {size} bytes, and its length alone takes 8")));
        }
        let mut length = [0; 8];
        source.read_exact(&mut length).map_err(unreadable)?;
        let length = u64::from_le_bytes(length);
        if length == 0 || length > LONGEST_HEADER as u64 {
            let problem =
                format!("its length is {length}, expected 1 to {LONGEST_HEADER}: is this a safetensors file?");
            return Err(header_error(problem));
        }
        if length > size - 8 {
            let problem = format!("its length is {length}, and only {} bytes follow: is the file cut short?", size - 8);
            return Err(header_error(problem));
        }
        // Only now is it certain that the file has that many bytes.
        let mut text = vec![0; length as usize];
        source.read_exact(&mut text).map_err(unreadable)?;
        let text = String::from_utf8(text).map_err(|e| header_error(format!("not UTF-8: {}", e.utf8_error())))?;
        let n_data = usize::try_from(size - 8 - length).map_err(|_| header_error("the file is too large"))?;
        Ok(SafeTensors { header: Header::parse(&text, n_data)?, data_start: 8 + length, source })
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The `i`-th tensor of the header, as `f32`.
    ///
    /// # Errors
    ///
    /// A dtype that is not one of those for weights, or a disk error.
    pub fn read_tensor(&mut self, i: usize) -> Result<Tensor> {
        let entry = self.entry(i)?;
        let shape = entry.shape.clone();
        // The header has been checked, so this is at most twice the size of the file. But a file may be larger than memory.
        let n: usize = shape.iter().product();
        if !memory::can_be_had(n.saturating_mul(size_of::<f32>())) {
            return Err(tensor_error(&entry.name, format!("its {n} numbers need more memory than there is")));
        }
        let mut data = vec![0.0; n];
        self.read_into(i, &mut data)?;
        Tensor::new(&shape, data)
    }

    /// Fills `out` with the numbers of the `i`-th tensor of the header.
    ///
    /// # Errors
    ///
    /// If `out` and the tensor do not have the same length, or as [`SafeTensors::read_tensor`].
    pub fn read_into(&mut self, i: usize, out: &mut [f32]) -> Result<()> {
        let place = self.place(self.entry(i)?);
        tensors::fill(&place, &mut self.source, out).map(|_| ())
    }

    /// The `i`-th entry, if it exists and its numbers can be read.
    fn entry(&self, i: usize) -> Result<&Entry> {
        let Some(entry) = self.header.tensors.get(i) else {
            let n = self.header.tensors.len();
            return Err(header_error(format!("tensor {i} is asked for, and the file has {n}, counted from 0")));
        };
        tensors::check_is_weight(&self.place(entry))?;
        Ok(entry)
    }

    /// Where a tensor of the header lies in the source.
    fn place(&self, entry: &Entry) -> Place {
        let Entry { name, dtype, shape, begin, .. } = entry.clone();
        Place {
            name,
            kind: Kind::Plain(dtype),
            shape,
            order: Order::Rows,
            file: 0,
            begin: self.data_start + begin as u64,
        }
    }

    /// The places of all its tensors, in the order of their data, and the source itself; `path` is for messages.
    pub(in crate::checkpoint) fn into_tensors(self, path: &Path) -> Tensors<R> {
        let places = self.header.tensors.iter().map(|entry| self.place(entry)).collect();
        Tensors::in_one_file(places, path, self.source, Family::Plain)
    }
}

/// Tensors with their names.
pub type NamedTensors = Vec<(String, Tensor)>;

/// Everything in the file `path`: the tensors with their names, in the order of their data, and the metadata.
///
/// # Errors
///
/// As [`SafeTensors::open`] and [`SafeTensors::read_tensor`].
pub fn read(path: impl AsRef<Path>) -> Result<(NamedTensors, Metadata)> {
    let path = path.as_ref();
    let mut file = SafeTensors::open(path)?;
    let mut tensors = Vec::new();
    for i in 0..file.header.tensors.len() {
        let tensor = file.read_tensor(i).map_err(|e| e.in_file(path))?;
        tensors.push((file.header.tensors[i].name.clone(), tensor));
    }
    Ok((tensors, file.header.metadata))
}

/// Writes `tensors` to the file `path`, with their numbers as `dtype`. A temporary file beside it is written first: the
/// result is complete or not there at all.
///
/// # Errors
///
/// A duplicate name, a dtype that is not one of the three that are written, a number too large for it, or a full disk.
/// Nothing is written then, and an older file stays unchanged.
///
/// # Example: keep a tensor for later
///
/// ```
/// use gpt60::Tensor;
/// use gpt60::checkpoint::{Dtype, safetensors};
///
/// let path = std::env::temp_dir().join(format!("gpt60-doc-{}.safetensors", std::process::id()));
/// let steps = Tensor::new(&[3], vec![0.5, 0.25, 0.125])?;
/// let notes = [("made by".to_string(), "an example".to_string())];
/// safetensors::write(&path, &[("steps".to_string(), &steps)], &notes, Dtype::F32)?;
///
/// let (tensors, metadata) = safetensors::read(&path)?;
/// assert_eq!(tensors[0].0, "steps");
/// assert_eq!(tensors[0].1.data(), steps.data());
/// assert_eq!(metadata, notes);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn write(
    path: impl AsRef<Path>,
    tensors: &[(String, &Tensor)],
    metadata: &[(String, String)],
    dtype: Dtype,
) -> Result<()> {
    let path = path.as_ref();
    let items = items(tensors, dtype).map_err(|e| e.in_file(path))?;
    let header = Header::of(&items, metadata).map_err(|e| e.in_file(path))?;
    write_under(&header, path, &items)
}

/// A tensor that is to be written.
pub(in crate::checkpoint) struct Item<'a> {
    pub name: String,
    pub tensor: Cow<'a, Tensor>,
    /// How its numbers are written.
    pub dtype: Dtype,
}

impl Item<'_> {
    /// How many bytes its numbers take.
    pub fn n_bytes(&self) -> usize {
        self.tensor.data().len() * self.dtype.bits() / 8
    }
}

/// These tensors, all of them as one dtype.
///
/// # Errors
///
/// A dtype that is not one of the three that are written.
pub(in crate::checkpoint) fn items<'a>(tensors: &[(String, &'a Tensor)], dtype: Dtype) -> Result<Vec<Item<'a>>> {
    if !dtype.is_written() {
        return Err(Error::argument("safetensors", format!("cannot write {dtype}: use F32, F16 or BF16")));
    }
    Ok(tensors.iter().map(|(name, tensor)| Item { name: name.clone(), tensor: Cow::Borrowed(tensor), dtype }).collect())
}

/// Writes the file `path` with this header, which was made from these tensors.
pub(in crate::checkpoint) fn write_under(header: &Header, path: &Path, items: &[Item]) -> Result<()> {
    let start = header.to_bytes().map_err(|e| e.in_file(path))?;
    write_beside_with(path, |file| {
        file.write_all(&start)?;
        write_data(items, file)
    })
}

/// The bytes that [`write()`] puts into a file.
///
/// # Errors
///
/// As [`write()`], except those of the operating system.
#[doc(hidden)]
pub fn to_bytes(tensors: &[(String, &Tensor)], metadata: &[(String, String)], dtype: Dtype) -> Result<Vec<u8>> {
    let items = items(tensors, dtype)?;
    let mut bytes = Header::of(&items, metadata)?.to_bytes()?;
    // Writing to a list of bytes cannot fail.
    write_data(&items, &mut bytes).map_err(|e| Error::io_in("safetensors", "written", e))?;
    Ok(bytes)
}

fn write_data(items: &[Item], out: &mut dyn Write) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(CHUNK);
    for item in items {
        for part in item.tensor.data().chunks(CHUNK / 4) {
            buffer.clear();
            encode(part, item.dtype, &mut buffer);
            out.write_all(&buffer)?;
        }
    }
    Ok(())
}
