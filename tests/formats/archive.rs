//! The pieces of which files of PyTorch are made by hand, here and in the unit tests of their reader.

/// A zip archive in memory, of members that are stored as they are.
pub fn zip<N: AsRef<str>, D: AsRef<[u8]>>(members: &[(N, D)]) -> Vec<u8> {
    let (mut bytes, mut list) = (Vec::new(), Vec::new());
    for (name, data) in members {
        let (name, data) = (name.as_ref().as_bytes(), data.as_ref());
        let sizes = [(data.len() as u32).to_le_bytes(); 2].concat();
        let n_name = (name.len() as u16).to_le_bytes();
        let begin = (bytes.len() as u32).to_le_bytes();
        bytes.extend([b"PK\x03\x04", &[0; 14][..], &sizes, &n_name, &[0; 2], name, data].concat());
        list.extend([b"PK\x01\x02", &[0; 16][..], &sizes, &n_name, &[0; 12], &begin, name].concat());
    }
    let n = [(members.len() as u16).to_le_bytes(); 2].concat();
    let (size, begin) = ((list.len() as u32).to_le_bytes(), (bytes.len() as u32).to_le_bytes());
    bytes.extend([&list[..], b"PK\x05\x06", &[0; 4], &n, &size, &begin, &[0; 2]].concat());
    bytes
}

/// The opcode that puts a text on the stack.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat()
}
