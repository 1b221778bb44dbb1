//! Which headers are refused and which are accepted; numbers; and that what is written can be read back.

mod accepted;
mod numbers;
mod refused;

/// A file with this header and this many bytes of data.
fn file(header: impl AsRef<[u8]>, n_data: usize) -> Vec<u8> {
    let header = header.as_ref();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header);
    bytes.resize(bytes.len() + n_data, 0);
    bytes
}

/// The header of a file with the tensor `a`, given its shape and offsets.
fn one(shape: &str, offsets: &str) -> String {
    format!(r#"{{"a":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#)
}

/// The header of a file with the tensors `a` and `b`, four bytes a number.
fn two(a: (&str, &str), b: (&str, &str)) -> String {
    let entry =
        |(shape, offsets): (&str, &str)| format!(r#"{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}"#);
    format!(r#"{{"a":{},"b":{}}}"#, entry(a), entry(b))
}
