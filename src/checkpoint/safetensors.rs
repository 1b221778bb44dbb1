//! safetensors, read and written: the file a model's numbers travel in.
//!
//! Models used to travel as Python pickles, and opening a pickle can run any program that its author put inside. The
//! safetensors format is the answer: a file that can be nothing but numbers, so simple that a reader of it can be
//! checked by eye. It has three parts:
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
//! spaces are there so that the data begin at a multiple of 8; files without them exist (OpenAI's GPT-2 as it is
//! distributed is one), so a reader must not rely on it. Notes about the file, texts under texts, may stand under the
//! name `__metadata__`.
//!
//! **Files come from strangers.** A header may promise a tensor of a billion numbers in a file of ninety bytes, two
//! tensors in the same place, or a shape whose product overflows. So the whole header is checked against the file's
//! real size before anything is allocated for the data: the tensors must cover the data exactly, without a hole, an
//! overlap or a byte left over, and each must be as long as its shape and dtype say. After that, reading cannot go
//! wrong except by the disk.
//!
//! A production program would use the `safetensors` crate, and map the file into memory instead of reading it.
//!
//! [Chapter 14](crate::book::ch14_the_real_gpt2) explains it.

use super::beside::write_beside_with;
use super::json::{Json, quote, shortened};
use crate::float16::{Bf16, F16};
use crate::{Error, Result, Tensor};
use std::collections::HashSet;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The longest header that is read, the same as in the reference implementation. GPT-2's has 14,283 bytes.
const LONGEST_HEADER: usize = 100_000_000;

/// How many bytes are converted at a time, so that a tensor is never in memory in two forms.
const CHUNK: usize = 64 * 1024;

/// What kind of numbers a tensor in a file is made of.
///
/// All kinds of the format are known, since a file may hold tensors that nobody asks for. Only the three in which
/// weights are kept, [`F32`](Dtype::F32), [`F16`](Dtype::F16) and [`Bf16`](Dtype::Bf16), can be read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it: integers, unsigned integers, floats, complex numbers, of so many bits
pub enum Dtype {
    F32,
    F16,
    Bf16,
    Bool,
    F4,
    F6E2m3,
    F6E3m2,
    U8,
    I8,
    F8E5m2,
    F8E4m3,
    F8E8m0,
    F8E4m3fnuz,
    F8E5m2fnuz,
    I16,
    U16,
    I32,
    U32,
    C64,
    F64,
    I64,
    U64,
}

/// Each dtype with its name in a header and its size in bits.
const DTYPES: [(Dtype, &str, usize); 22] = [
    (Dtype::F32, "F32", 32),
    (Dtype::F16, "F16", 16),
    (Dtype::Bf16, "BF16", 16),
    (Dtype::Bool, "BOOL", 8),
    (Dtype::F4, "F4", 4),
    (Dtype::F6E2m3, "F6_E2M3", 6),
    (Dtype::F6E3m2, "F6_E3M2", 6),
    (Dtype::U8, "U8", 8),
    (Dtype::I8, "I8", 8),
    (Dtype::F8E5m2, "F8_E5M2", 8),
    (Dtype::F8E4m3, "F8_E4M3", 8),
    (Dtype::F8E8m0, "F8_E8M0", 8),
    (Dtype::F8E4m3fnuz, "F8_E4M3FNUZ", 8),
    (Dtype::F8E5m2fnuz, "F8_E5M2FNUZ", 8),
    (Dtype::I16, "I16", 16),
    (Dtype::U16, "U16", 16),
    (Dtype::I32, "I32", 32),
    (Dtype::U32, "U32", 32),
    (Dtype::C64, "C64", 64),
    (Dtype::F64, "F64", 64),
    (Dtype::I64, "I64", 64),
    (Dtype::U64, "U64", 64),
];

impl Dtype {
    /// The dtype that a header calls `name`, if there is one.
    pub fn from_name(name: &str) -> Option<Dtype> {
        DTYPES.iter().find(|(_, n, _)| *n == name).map(|(dtype, _, _)| *dtype)
    }

    /// Its name in a header, for example `BF16`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// How many bits a number of it takes.
    pub fn bits(self) -> usize {
        self.row().2
    }

    fn row(self) -> (Dtype, &'static str, usize) {
        DTYPES.iter().find(|(dtype, _, _)| *dtype == self).copied().unwrap_or(DTYPES[0])
    }

    /// Whether weights can be read from it and written in it.
    pub(super) fn is_weight(self) -> bool {
        matches!(self, Dtype::F32 | Dtype::F16 | Dtype::Bf16)
    }
}

/// What a header says about one tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, for example `h.0.ln_1.weight`.
    pub name: String,
    /// What its numbers are.
    pub dtype: Dtype,
    /// Its shape; `[]` is a single number.
    pub shape: Vec<usize>,
    /// Its first byte, counted from the beginning of the data.
    pub begin: usize,
    /// One past its last byte.
    pub end: usize,
}

/// A header that has been checked: its tensors cover the data exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The tensors, in the order of their data.
    pub tensors: Vec<Entry>,
    /// The notes under `__metadata__`.
    pub metadata: Metadata,
}

impl Header {
    /// Reads and checks the header `text` of a file that has `n_data` bytes after it.
    ///
    /// # Errors
    ///
    /// Whatever the format forbids; the error names the tensor, what was found and what was expected.
    pub fn parse(text: &str, n_data: usize) -> Result<Header> {
        let json = Json::parse(text).map_err(|e| header_error(e.to_string()))?;
        let Json::Object(entries) = json else {
            return Err(header_error("expected an object, `{...}`"));
        };
        let (mut tensors, mut metadata) = (Vec::new(), Vec::new());
        for (name, value) in entries {
            if name == "__metadata__" {
                metadata = parse_metadata(value)?;
            } else {
                tensors.push(parse_entry(name, &value)?);
            }
        }
        // In the order of the data, each must begin where the one before it ended. A tensor without numbers ends where
        // it begins, and so comes before the tensor that shares its beginning.
        tensors.sort_by_key(|t| (t.begin, t.end));
        let mut covered = 0;
        for t in &tensors {
            if t.begin != covered {
                let what = if t.begin < covered { "overlaps the tensor before it" } else { "leaves a hole before it" };
                let problem = format!("{what}: it begins at data byte {} and byte {covered} is next", t.begin);
                return Err(tensor_error(&t.name, problem));
            }
            if t.end > n_data {
                let problem =
                    format!("ends at data byte {}, and there are only {n_data}: is the file cut short?", t.end);
                return Err(tensor_error(&t.name, problem));
            }
            covered = t.end;
        }
        if covered != n_data {
            return Err(header_error(format!("the tensors end at data byte {covered}, and there are {n_data}")));
        }
        Ok(Header { tensors, metadata })
    }
}

fn header_error(problem: impl Into<String>) -> Error {
    Error::format("safetensors header", problem)
}

fn tensor_error(name: &str, problem: impl Into<String>) -> Error {
    Error::format(format!("tensor {}", quote(name)), problem)
}

fn parse_metadata(value: Json) -> Result<Metadata> {
    let entries = match value {
        Json::Object(entries) => entries,
        Json::Null => Vec::new(),
        _ => return Err(header_error("__metadata__ must be an object of texts")),
    };
    let mut metadata = Vec::new();
    for (key, value) in entries {
        match value {
            Json::String(text) => metadata.push((key, text)),
            _ => return Err(header_error(format!("__metadata__: the value of {} must be a text", quote(&key)))),
        }
    }
    Ok(metadata)
}

/// Checks everything about one tensor that does not depend on the others.
fn parse_entry(name: String, value: &Json) -> Result<Entry> {
    let fail = |problem: String| tensor_error(&name, problem);
    let dtype_name = value.get("dtype").and_then(Json::as_str);
    let dtype_name = dtype_name.ok_or_else(|| fail("has no `dtype` text".to_string()))?;
    let dtype = Dtype::from_name(dtype_name);
    let dtype = dtype.ok_or_else(|| fail(format!("unknown dtype {}, expected one such as F32", quote(dtype_name))))?;
    let integers = |key: &str| -> Result<Vec<usize>> {
        let list = value.get(key).and_then(Json::as_array);
        let list = list.ok_or_else(|| fail(format!("has no `{key}` list")))?;
        let numbers = list.iter().map(Json::as_usize).collect::<Option<Vec<usize>>>();
        numbers.ok_or_else(|| fail(format!("`{key}` must be integers from 0 on, and not too large")))
    };
    let shape = integers("shape")?;
    let offsets = integers("data_offsets")?;
    let &[begin, end] = offsets.as_slice() else {
        return Err(fail(format!("`data_offsets` must be two integers and has {}", offsets.len())));
    };
    if begin > end {
        return Err(fail(format!("`data_offsets` are reversed: [{begin}, {end}]")));
    }
    let expected = n_bytes(&shape, dtype).map_err(&fail)?;
    if end - begin != expected {
        let found = end - begin;
        let shape = shortened(&format!("{shape:?}"));
        return Err(fail(format!("has {found} bytes, and shape {shape} of {} needs {expected}", dtype.name())));
    }
    Ok(Entry { name, dtype, shape, begin, end })
}

/// How many bytes a tensor takes: the product of its shape times the size of a number, or why there is no such tensor.
fn n_bytes(shape: &[usize], dtype: Dtype) -> std::result::Result<usize, String> {
    // [0, huge, huge] is empty, but whoever multiplied from the right would overflow. So the product is taken without
    // the zeros first, and must fit even then.
    let too_large = || "the product of its shape is too large".to_string();
    let mut bits = dtype.bits();
    for &n in shape.iter().filter(|&&n| n > 0) {
        bits = bits.checked_mul(n).ok_or_else(too_large)?;
    }
    if shape.contains(&0) {
        return Ok(0);
    }
    if !bits.is_multiple_of(8) {
        return Err(format!("its {} numbers do not fill whole bytes", dtype.name()));
    }
    Ok(bits / 8)
}

/// An open safetensors file, or bytes in memory of the same form. The header has been read and checked; the tensors are
/// read when they are asked for, one by one.
///
/// # Example: write a file in memory and look inside
///
/// ```
/// use gpt60::Tensor;
/// use gpt60::checkpoint::{Dtype, SafeTensors, to_bytes};
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

impl SafeTensors<File> {
    /// Opens the file `path` and checks its header.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or whose header is not that of a safetensors file.
    pub fn open(path: &Path) -> Result<SafeTensors<File>> {
        let file = File::open(path).map_err(|e| Error::io(path, "read", e))?;
        SafeTensors::new(file).map_err(|e| e.in_file(path))
    }
}

impl<'a> SafeTensors<Cursor<&'a [u8]>> {
    /// Checks the header of a file that is in memory.
    ///
    /// # Errors
    ///
    /// A header that is not that of a safetensors file.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<SafeTensors<Cursor<&'a [u8]>>> {
        SafeTensors::new(Cursor::new(bytes))
    }
}

impl<R: Read + Seek> SafeTensors<R> {
    /// Reads and checks the header.
    ///
    /// # Errors
    ///
    /// A source that cannot be read, or a header that is not that of a safetensors file.
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
        // Only now is it known that the file really has that many bytes.
        let mut text = vec![0; length as usize];
        source.read_exact(&mut text).map_err(unreadable)?;
        let text = String::from_utf8(text).map_err(|e| header_error(format!("not UTF-8: {}", e.utf8_error())))?;
        let n_data = usize::try_from(size - 8 - length).map_err(|_| header_error("the file is too large"))?;
        Ok(SafeTensors { header: Header::parse(&text, n_data)?, data_start: 8 + length, source })
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The `i`-th tensor of the header, as `f32`.
    ///
    /// # Errors
    ///
    /// A dtype that is none of the three for weights, or a disk that fails.
    pub fn read_tensor(&mut self, i: usize) -> Result<Tensor> {
        let entry = self.entry(i)?;
        let shape = entry.shape.clone();
        // The header is checked, so this is at most twice the size of the file.
        let mut data = vec![0.0; shape.iter().product()];
        self.read_into(i, &mut data)?;
        Tensor::new(&shape, data)
    }

    /// Fills `out` with the numbers of the `i`-th tensor of the header.
    ///
    /// # Errors
    ///
    /// As many numbers as `out` has places must be there, in one of the three dtypes for weights.
    pub fn read_into(&mut self, i: usize, out: &mut [f32]) -> Result<()> {
        let Entry { name, dtype, begin, .. } = self.entry(i)?.clone();
        if out.len().checked_mul(dtype.bits() / 8) != Some(self.header.tensors[i].end - begin) {
            return Err(tensor_error(&name, format!("does not have {} numbers", out.len())));
        }
        let unreadable = |e| Error::io_in(format!("tensor {}", quote(&name)), "read", e);
        self.source.seek(SeekFrom::Start(self.data_start + begin as u64)).map_err(unreadable)?;
        let mut buffer = vec![0; CHUNK.min(out.len() * dtype.bits() / 8)];
        for part in out.chunks_mut(CHUNK / (dtype.bits() / 8)) {
            let bytes = &mut buffer[..part.len() * dtype.bits() / 8];
            self.source.read_exact(bytes).map_err(unreadable)?;
            decode(bytes, dtype, part);
        }
        Ok(())
    }

    /// The `i`-th entry, if it is there and its numbers can be read.
    fn entry(&self, i: usize) -> Result<&Entry> {
        let Some(entry) = self.header.tensors.get(i) else {
            return Err(header_error(format!(
                "there are {} tensors, and none is number {i}",
                self.header.tensors.len()
            )));
        };
        if !entry.dtype.is_weight() {
            let found = entry.dtype.name();
            return Err(tensor_error(&entry.name, format!("its dtype is {found}, expected F32, F16 or BF16")));
        }
        Ok(entry)
    }
}

/// Bytes to numbers; `dtype` is one of the three for weights.
fn decode(bytes: &[u8], dtype: Dtype, out: &mut [f32]) {
    for (x, b) in out.iter_mut().zip(bytes.chunks_exact(dtype.bits() / 8)) {
        *x = match dtype {
            Dtype::F16 => F16(u16::from_le_bytes([b[0], b[1]])).value(),
            Dtype::Bf16 => Bf16(u16::from_le_bytes([b[0], b[1]])).value(),
            _ => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
        };
    }
}

/// Numbers to bytes, appended to `out`; `dtype` is one of the three for weights.
fn encode(numbers: &[f32], dtype: Dtype, out: &mut Vec<u8>) {
    for &x in numbers {
        match dtype {
            Dtype::F16 => out.extend_from_slice(&F16::nearest(x).0.to_le_bytes()),
            Dtype::Bf16 => out.extend_from_slice(&Bf16::nearest(x).0.to_le_bytes()),
            _ => out.extend_from_slice(&x.to_le_bytes()),
        }
    }
}

/// Tensors with their names.
pub type NamedTensors = Vec<(String, Tensor)>;

/// Notes about a file: texts under texts.
pub type Metadata = Vec<(String, String)>;

/// Everything in the file `path`: the tensors with their names, in the order of their data, and the metadata.
///
/// # Errors
///
/// As [`SafeTensors::open`] and [`SafeTensors::read_tensor`].
pub fn read(path: &Path) -> Result<(NamedTensors, Metadata)> {
    let mut file = SafeTensors::open(path)?;
    let mut tensors = Vec::new();
    for i in 0..file.header.tensors.len() {
        let tensor = file.read_tensor(i).map_err(|e| e.in_file(path))?;
        tensors.push((file.header.tensors[i].name.clone(), tensor));
    }
    Ok((tensors, file.header.metadata))
}

/// Writes `tensors` to the file `path`, their numbers as `dtype`: beside it first, so that the file is whole or not
/// there.
///
/// # Errors
///
/// A name that is there twice, a dtype that is none of the three for weights, a number too large for it, or a disk that
/// is full. Nothing is written then, and an older file stays as it was.
///
/// # Example: keep a tensor for later
///
/// ```
/// use gpt60::Tensor;
/// use gpt60::checkpoint::{self, Dtype};
///
/// let path = std::env::temp_dir().join(format!("gpt60-doc-{}.safetensors", std::process::id()));
/// let steps = Tensor::new(&[3], vec![0.5, 0.25, 0.125])?;
/// let notes = [("made by".to_string(), "an example".to_string())];
/// checkpoint::write(&path, &[("steps".to_string(), &steps)], &notes, Dtype::F32)?;
///
/// let (tensors, metadata) = checkpoint::read(&path)?;
/// assert_eq!(tensors[0].0, "steps");
/// assert_eq!(tensors[0].1.data(), steps.data());
/// assert_eq!(metadata, notes);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok::<(), gpt60::Error>(())
/// ```
pub fn write(path: &Path, tensors: &[(String, &Tensor)], metadata: &[(String, String)], dtype: Dtype) -> Result<()> {
    let header = header_bytes(tensors, metadata, dtype).map_err(|e| e.in_file(path))?;
    write_beside_with(path, |file| {
        file.write_all(&header)?;
        write_data(tensors, dtype, file)
    })
}

/// Whether [`write()`] would accept these tensors: before anything is written beside them.
pub(super) fn check(tensors: &[(String, &Tensor)], metadata: &[(String, String)], dtype: Dtype) -> Result<()> {
    header_bytes(tensors, metadata, dtype).map(drop)
}

/// The bytes that [`write()`] puts into a file.
///
/// # Errors
///
/// As [`write()`], but for the operating system.
pub fn to_bytes(tensors: &[(String, &Tensor)], metadata: &[(String, String)], dtype: Dtype) -> Result<Vec<u8>> {
    let mut bytes = header_bytes(tensors, metadata, dtype)?;
    // Writing to a list of bytes cannot fail.
    write_data(tensors, dtype, &mut bytes).map_err(|e| header_error(e.to_string()))?;
    Ok(bytes)
}

fn write_data(tensors: &[(String, &Tensor)], dtype: Dtype, out: &mut dyn Write) -> std::io::Result<()> {
    let mut buffer = Vec::with_capacity(CHUNK);
    for (_, tensor) in tensors {
        for part in tensor.data().chunks(CHUNK / 4) {
            buffer.clear();
            encode(part, dtype, &mut buffer);
            out.write_all(&buffer)?;
        }
    }
    Ok(())
}

/// The eight bytes of the length, and the header, padded with spaces to a multiple of eight.
fn header_bytes(tensors: &[(String, &Tensor)], metadata: &[(String, String)], dtype: Dtype) -> Result<Vec<u8>> {
    if !dtype.is_weight() {
        return Err(Error::argument("safetensors", format!("cannot write {}: use F32, F16 or BF16", dtype.name())));
    }
    let mut entries = Vec::new();
    if !metadata.is_empty() {
        let texts = metadata.iter().map(|(key, value)| (key.clone(), Json::from(value.as_str()))).collect();
        entries.push(("__metadata__".to_string(), Json::Object(texts)));
    }
    let mut names: HashSet<&str> = HashSet::new();
    let mut end = 0;
    for (name, tensor) in tensors {
        if name == "__metadata__" || !names.insert(name) {
            return Err(tensor_error(name, "cannot be written: the name is taken"));
        }
        let overflows = |&&x: &&f32| {
            let narrow = match dtype {
                Dtype::F16 => F16::nearest(x).value(),
                Dtype::Bf16 => Bf16::nearest(x).value(),
                _ => x,
            };
            x.is_finite() && narrow.is_infinite()
        };
        if let Some(x) = tensor.data().iter().find(overflows) {
            let problem = format!("{x} is too large for {}: write it as F32", dtype.name());
            return Err(tensor_error(name, problem));
        }
        let begin = end;
        end += tensor.data().len() * dtype.bits() / 8;
        let shape = tensor.shape().iter().map(|&n| Json::from(n)).collect();
        let entry = Json::object([
            ("dtype", dtype.name().into()),
            ("shape", Json::Array(shape)),
            ("data_offsets", Json::Array(vec![begin.into(), end.into()])),
        ]);
        entries.push((name.clone(), entry));
    }
    let mut keys: HashSet<&str> = HashSet::new();
    if let Some((key, _)) = metadata.iter().find(|(key, _)| !keys.insert(key)) {
        return Err(header_error(format!("the metadata have {} twice", quote(key))));
    }
    let mut text = Json::Object(entries).to_string();
    while !text.len().is_multiple_of(8) {
        text.push(' ');
    }
    if text.len() > LONGEST_HEADER {
        return Err(header_error(format!("{} bytes of it, and nobody reads more than {LONGEST_HEADER}", text.len())));
    }
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A file with this header and so many bytes of data.
    fn file(header: impl AsRef<[u8]>, n_data: usize) -> Vec<u8> {
        let header = header.as_ref();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header);
        bytes.resize(bytes.len() + n_data, 0);
        bytes
    }

    fn refused_bytes(bytes: &[u8]) -> String {
        match SafeTensors::from_bytes(bytes) {
            Ok(file) => panic!("read as {:?}", file.header),
            Err(error) => error.to_string(),
        }
    }

    /// The error for a file with this header and so many bytes of data, after checking that it says `why`.
    fn refused(header: impl AsRef<[u8]>, n_data: usize, why: &str) {
        let message = refused_bytes(&file(header, n_data));
        assert!(message.contains(why), "{message}");
        assert!(!message.contains('\n') && message.len() < 400, "{message}");
    }

    fn accepted(header: impl AsRef<[u8]>, n_data: usize) -> Header {
        SafeTensors::from_bytes(&file(header, n_data)).unwrap().header
    }

    /// The header of a file with the tensor `a` of these two properties.
    fn one(shape: &str, offsets: &str) -> String {
        format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
    }

    /// The header of a file with the tensors `a` and `b`, four bytes a number.
    fn two(a: (&str, &str), b: (&str, &str)) -> String {
        let entry =
            |(shape, offsets): (&str, &str)| format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}"#);
        format!(r#"{{"a":{},"b":{}}}"#, entry(a), entry(b))
    }

    #[test]
    fn the_file_of_the_introduction_is_what_is_written() {
        let b = Tensor::new(&[2], vec![1.0, -2.0]).unwrap();
        let bytes = to_bytes(&[("b".to_string(), &b)], &[], Dtype::F32).unwrap();
        let mut expected = vec![0x38, 0, 0, 0, 0, 0, 0, 0];
        expected.extend_from_slice(br#"{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  "#);
        expected.extend_from_slice(&[0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]);
        assert_eq!(bytes, expected);
    }

    // What is refused. The reference implementation refuses the same, except where a test says otherwise.

    #[test]
    fn fewer_than_eight_bytes_are_refused() {
        for n in 0..8 {
            assert!(refused_bytes(&vec![0; n]).contains("takes 8"));
        }
    }

    #[test]
    fn a_header_of_length_0_is_refused() {
        refused("", 0, "its length is 0");
        refused("", 100, "its length is 0");
    }

    #[test]
    fn a_header_longer_than_100_000_000_is_refused() {
        for length in [100_000_001, u64::MAX] {
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend_from_slice(b"{}");
            assert!(refused_bytes(&bytes).contains("expected 1 to 100000000"));
        }
    }

    #[test]
    fn a_header_past_the_end_is_refused() {
        let mut bytes = 3u64.to_le_bytes().to_vec();
        bytes.extend_from_slice(b"{}");
        assert_eq!(
            refused_bytes(&bytes),
            "safetensors header: its length is 3, and only 2 bytes follow: is the file cut short?"
        );
    }

    #[test]
    fn a_header_that_is_not_utf8_is_refused() {
        refused(b"{\"\xFF\":1}", 0, "not UTF-8");
        refused(b"{\"\xED\xA0\x80\":1}", 0, "not UTF-8"); // a surrogate in UTF-8's clothes
    }

    #[test]
    fn a_header_with_a_byte_order_mark_is_refused() {
        refused("\u{FEFF}{}", 0, "expected a value");
    }

    #[test]
    fn a_header_that_is_not_an_object_is_refused() {
        for header in ["[]", "null", "1", "\"a\"", "true"] {
            refused(header, 0, "expected an object");
        }
    }

    #[test]
    fn a_header_with_something_after_it_is_refused() {
        refused("{}x", 0, "expected the end");
        refused("{}{}", 0, "expected the end");
        refused("{}\0\0", 0, "expected the end");
        refused("{} \0", 0, "expected the end");
    }

    #[test]
    fn lone_surrogates_are_refused() {
        refused(r#"{"\ud800":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, "surrogate");
        refused(r#"{"\udc00":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, "surrogate");
    }

    #[test]
    fn nesting_without_bound_is_refused() {
        refused(format!("{{\"a\":{}", "[".repeat(200_000)), 0, "levels of nesting");
    }

    #[test]
    fn duplicate_tensor_names_are_refused() {
        let entry = |offsets: &str| format!(r#""a":{{"dtype":"F32","shape":[1],"data_offsets":{offsets}}}"#);
        refused(format!("{{{},{}}}", entry("[0,4]"), entry("[4,8]")), 8, "duplicate key");
        // The reference lets this one pass, since the two do not contradict each other.
        refused(format!("{{{},{}}}", entry("[0,4]"), entry("[0,4]")), 4, "duplicate key");
    }

    #[test]
    fn duplicate_keys_inside_an_entry_are_refused() {
        refused(r#"{"a":{"dtype":"F32","dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4, "duplicate key");
        refused(r#"{"a":{"dtype":"F32","shape":[],"shape":[],"data_offsets":[0,4]}}"#, 4, "duplicate key");
        refused(r#"{"__metadata__":{"k":"v","k":"v"}}"#, 0, "duplicate key");
        refused(r#"{"__metadata__":{},"__metadata__":{}}"#, 0, "duplicate key");
    }

    #[test]
    fn metadata_that_are_not_texts_are_refused() {
        for value in ["1", "null", "true", "[]", "{}"] {
            refused(format!(r#"{{"__metadata__":{{"k":{value}}}}}"#), 0, "must be a text");
        }
        refused(r#"{"__metadata__":["k"]}"#, 0, "must be an object");
    }

    #[test]
    fn a_missing_dtype_shape_or_place_is_refused() {
        refused(r#"{"a":{"shape":[],"data_offsets":[0,4]}}"#, 4, "no `dtype`");
        refused(r#"{"a":{"dtype":null,"shape":[],"data_offsets":[0,4]}}"#, 4, "no `dtype`");
        refused(r#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, "no `shape`");
        refused(r#"{"a":{"dtype":"F32","shape":[]}}"#, 4, "no `data_offsets`");
        refused(r#"{"a":5}"#, 4, "no `dtype`");
    }

    #[test]
    fn an_unknown_or_lowercase_dtype_is_refused() {
        for dtype in ["F33", "f32", "FLOAT32", "bf16", ""] {
            let header = format!(r#"{{"a":{{"dtype":"{dtype}","shape":[],"data_offsets":[0,4]}}}}"#);
            refused(header, 4, "unknown dtype");
        }
    }

    #[test]
    fn integers_that_are_negative_or_written_as_fractions_are_refused() {
        for number in ["-1", "1.0", "1e0", "-0", "null", "\"1\"", "99999999999999999999"] {
            refused(one(&format!("[{number}]"), "[0,4]"), 4, "`shape` must be integers");
            refused(one("[1]", &format!("[0,{number}]")), 4, "`data_offsets` must be integers");
            refused(one("[1]", &format!("[{number},4]")), 4, "`data_offsets` must be integers");
        }
    }

    #[test]
    fn offsets_that_are_not_exactly_two_are_refused() {
        for offsets in ["[]", "[4]", "[0,4,4]"] {
            refused(one("[1]", offsets), 4, "must be two integers");
        }
        refused(one("[1]", "4"), 4, "no `data_offsets` list");
    }

    #[test]
    fn reversed_offsets_are_refused() {
        refused(one("[1]", "[4,0]"), 4, "reversed");
    }

    #[test]
    fn a_hole_is_refused() {
        refused(one("[1]", "[4,8]"), 8, "leaves a hole");
        refused(two(("[1]", "[0,4]"), ("[1]", "[8,12]")), 12, "leaves a hole");
    }

    #[test]
    fn tensors_that_overlap_are_refused() {
        refused(two(("[2]", "[0,8]"), ("[2]", "[4,12]")), 12, "overlaps");
        refused(two(("[1]", "[0,4]"), ("[1]", "[0,4]")), 4, "overlaps");
    }

    #[test]
    fn a_tensor_past_the_end_is_refused() {
        refused(one("[2]", "[0,8]"), 7, "ends at data byte 8, and there are only 7");
        refused(one("[250000000000]", "[0,1000000000000]"), 8, "only 8");
    }

    #[test]
    fn trailing_bytes_are_refused() {
        refused(one("[1]", "[0,4]"), 5, "the tensors end at data byte 4, and there are 5");
        refused("{}", 1, "the tensors end at data byte 0");
    }

    #[test]
    fn a_size_that_is_not_that_of_the_shape_is_refused() {
        refused(one("[2,3]", "[0,20]"), 20, "has 20 bytes, and shape [2, 3] of F32 needs 24");
        refused(one("[0]", "[0,4]"), 4, "needs 0");
        refused(r#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}"#, 1, "whole bytes");
    }

    #[test]
    fn a_product_that_overflows_is_refused() {
        // 2^62 numbers of 4 bytes are 2^64 bytes, which a 64-bit integer holds as 0.
        refused(one("[4611686018427387904]", "[0,0]"), 0, "too large");
        refused(one("[4294967296,4294967296]", "[0,0]"), 0, "too large");
    }

    #[test]
    fn a_product_that_overflows_beside_a_zero_is_refused() {
        // The reference multiplies from the left, meets the 0 first and lets it pass.
        refused(one("[0,4294967296,4294967296]", "[0,0]"), 0, "too large");
        refused(one("[4294967296,4294967296,0]", "[0,0]"), 0, "too large");
    }

    // What is accepted.

    #[test]
    fn white_space_around_and_inside_the_header_is_accepted() {
        assert_eq!(accepted(format!(" \n\t\r{} \n\t\r", one("[1]", "[0,4]")), 4).tensors.len(), 1);
        assert_eq!(accepted(one("[1]", "[0,4]").replace(':', " :\n\t"), 4).tensors.len(), 1);
    }

    #[test]
    fn an_empty_object_is_accepted() {
        assert_eq!(accepted("{}", 0), Header { tensors: vec![], metadata: vec![] });
        assert_eq!(accepted("{\"__metadata__\":{}}", 0), Header { tensors: vec![], metadata: vec![] });
    }

    #[test]
    fn a_scalar_is_accepted_and_is_one_number() {
        let mut bytes = file(one("[]", "[0,4]"), 0);
        bytes.extend_from_slice(&2.5f32.to_le_bytes());
        let tensor = SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap();
        assert_eq!((tensor.shape(), tensor.data()), (&[][..], &[2.5][..]));
    }

    #[test]
    fn tensors_without_numbers_are_accepted_wherever_they_stand() {
        let header = accepted(two(("[1]", "[0,4]"), ("[0,7]", "[0,0]")), 4);
        assert_eq!(header.tensors.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let header = accepted(two(("[0]", "[4,4]"), ("[1]", "[0,4]")), 4);
        assert_eq!(header.tensors.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["b", "a"]);
        let bytes = file(one("[2,0]", "[0,0]"), 0);
        let tensor = SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap();
        assert_eq!((tensor.shape(), tensor.data()), (&[2, 0][..], &[][..]));
    }

    #[test]
    fn any_order_of_keys_and_of_tensors_is_accepted() {
        let header = accepted(
            r#"{"a":{"data_offsets":[4,8],"shape":[1],"dtype":"F32"},"__metadata__":{"k":"v"},
                "b":{"shape":[1],"dtype":"F32","data_offsets":[0,4]}}"#,
            8,
        );
        assert_eq!(header.tensors[0].name, "b");
        assert_eq!(header.tensors[1].name, "a");
        assert_eq!(header.metadata, [("k".to_string(), "v".to_string())]);
    }

    #[test]
    fn escapes_in_names_are_accepted() {
        let header = accepted(r#"{"\u0061\ud83d\ude00":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, 4);
        assert_eq!(header.tensors[0].name, "a\u{1F600}");
    }

    #[test]
    fn unknown_inner_keys_are_accepted() {
        accepted(r#"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4],"note":{"x":[1.5]}}}"#, 4);
    }

    #[test]
    fn every_dtype_of_the_format_is_accepted_in_a_header() {
        for (dtype, name, bits) in DTYPES {
            let header = format!(r#"{{"a":{{"dtype":"{name}","shape":[8],"data_offsets":[0,{bits}]}}}}"#);
            assert_eq!(accepted(header, bits).tensors[0].dtype, dtype);
        }
    }

    // Numbers.

    #[test]
    fn a_tensor_that_is_not_of_weights_is_an_error_only_when_it_is_read() {
        let bytes = file(r#"{"m":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 4);
        let mut file = SafeTensors::from_bytes(&bytes).unwrap();
        assert_eq!(
            file.read_tensor(0).unwrap_err().to_string(),
            "tensor \"m\": its dtype is U8, expected F32, F16 or BF16"
        );
        assert!(file.read_tensor(1).is_err());
    }

    #[test]
    fn data_that_begin_at_an_odd_byte_are_read() {
        let header = format!("{} ", one("[1]", "[0,4]"));
        let header = if header.len() % 2 == 0 { format!("{header} ") } else { header };
        let mut bytes = file(header, 0);
        assert_eq!(bytes.len() % 2, 1);
        bytes.extend_from_slice(&(-0.75f32).to_le_bytes());
        assert_eq!(SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap().data(), [-0.75]);
    }

    #[test]
    fn all_three_dtypes_are_read() {
        // 1.5 is 0x3FC00000 as an f32; its upper half is the bf16; sign 0, exponent 15, fraction 0x200 is the f16.
        for (name, bytes) in [("F32", &[0, 0, 0xC0, 0x3F][..]), ("BF16", &[0xC0, 0x3F]), ("F16", &[0x00, 0x3E])] {
            let header = format!(r#"{{"a":{{"dtype":"{name}","shape":[1],"data_offsets":[0,{}]}}}}"#, bytes.len());
            let mut file = file(header, 0);
            file.extend_from_slice(bytes);
            assert_eq!(SafeTensors::from_bytes(&file).unwrap().read_tensor(0).unwrap().data(), [1.5], "{name}");
        }
    }

    #[test]
    fn tensors_longer_than_a_chunk_are_read_and_written_whole() {
        let numbers: Vec<f32> = (0..100_000usize).map(|i| (i % 251) as f32).collect(); // exact as bf16
        let tensor = Tensor::new(&[numbers.len()], numbers).unwrap();
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            let bytes = to_bytes(&[("a".to_string(), &tensor)], &[], dtype).unwrap();
            let read = SafeTensors::from_bytes(&bytes).unwrap().read_tensor(0).unwrap();
            assert_eq!(read.data(), tensor.data());
        }
    }

    #[test]
    fn what_cannot_be_read_back_is_not_written() {
        let tensor = Tensor::new(&[1], vec![1e5]).unwrap();
        let named = |name: &str| (name.to_string(), &tensor);
        let error = to_bytes(&[named("a")], &[], Dtype::F16).unwrap_err().to_string();
        assert_eq!(error, "tensor \"a\": 100000 is too large for F16: write it as F32");
        assert!(to_bytes(&[named("a"), named("a")], &[], Dtype::F32).is_err());
        assert!(to_bytes(&[named("__metadata__")], &[], Dtype::F32).is_err());
        assert!(to_bytes(&[named("a")], &[], Dtype::I64).is_err());
        let note = ("k".to_string(), "v".to_string());
        assert!(to_bytes(&[], &[note.clone(), note], Dtype::F32).is_err());
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = read(Path::new("no/such/file.safetensors")).unwrap_err().to_string();
        assert!(error.starts_with("no/such/file.safetensors: cannot be read"), "{error}");
    }

    /// A few tensors with any names, small shapes and any bits in their numbers.
    fn any_tensors() -> impl Strategy<Value = Vec<(String, Tensor)>> {
        let tensor = proptest::collection::vec(0usize..4, 0..4).prop_flat_map(|shape| {
            let n = shape.iter().product::<usize>();
            proptest::collection::vec(any::<u32>(), n)
                .prop_map(move |bits| Tensor::new(&shape, bits.into_iter().map(f32::from_bits).collect()).unwrap())
        });
        proptest::collection::btree_map(any::<String>(), tensor, 0..5)
            .prop_map(|tensors| tensors.into_iter().filter(|(name, _)| name != "__metadata__").collect())
    }

    fn borrowed(tensors: &[(String, Tensor)]) -> Vec<(String, &Tensor)> {
        tensors.iter().map(|(name, tensor)| (name.clone(), tensor)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn what_is_written_is_read_back_bit_for_bit(
            tensors in any_tensors(),
            notes in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..4),
        ) {
            let notes: Vec<(String, String)> = notes.into_iter().collect();
            let bytes = to_bytes(&borrowed(&tensors), &notes, Dtype::F32).unwrap();
            prop_assert_eq!(u64::from_le_bytes(bytes[..8].try_into().unwrap()) % 8, 0);
            let mut file = SafeTensors::from_bytes(&bytes).unwrap();
            prop_assert_eq!(&file.header().metadata, &notes);
            prop_assert_eq!(file.header().tensors.len(), tensors.len());
            let bits = |t: &Tensor| t.data().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            for (name, tensor) in &tensors {
                let i = file.header().tensors.iter().position(|t| t.name == *name).unwrap();
                let read = file.read_tensor(i).unwrap();
                prop_assert_eq!(read.shape(), tensor.shape());
                prop_assert_eq!(bits(&read), bits(tensor));
            }
        }

        #[test]
        fn no_change_of_a_few_bytes_makes_the_reader_panic(
            tensors in any_tensors(),
            changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
            cut in any::<usize>(),
        ) {
            let mut bytes = to_bytes(&borrowed(&tensors), &[], Dtype::F32).unwrap();
            for (at, byte) in changes {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            bytes.truncate(bytes.len() - if cut % 2 == 0 { 0 } else { cut % bytes.len() });
            if let Ok(mut file) = SafeTensors::from_bytes(&bytes) {
                for i in 0..file.header().tensors.len() {
                    let _ = file.read_tensor(i);
                }
            }
        }
    }
}
