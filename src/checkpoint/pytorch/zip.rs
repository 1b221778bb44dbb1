//! The container of PyTorch's files: a zip archive whose members are stored as they are, not compressed.
//!
//! A zip archive ends with the list of what is in it, its *central directory*, and behind that a record of 22 bytes that
//! says where the list begins. Each member has a short header of its own in front. Archives beyond 4 GB keep the larger
//! numbers in further records ("zip64"), which PyTorch writes for every file.
//!
//! Here too, a file is not believed: every member must lie in the file, before the list, and share no byte with another.

use crate::checkpoint::json::quote;
use crate::error::{Error, Result};
use std::collections::HashSet;
use std::io::{Read, Seek, SeekFrom};

/// A file inside the archive.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub name: String,
    /// Its first byte in the archive.
    pub begin: u64,
    /// How many bytes it has.
    pub size: u64,
}

/// The longest list of contents that is accepted. A model with a thousand tensors has 100 kB.
const LONGEST_LIST: u64 = 1 << 24;

/// The record at the end: its signature, and its size without a comment.
const END: (&[u8], usize) = (b"PK\x05\x06", 22);
/// In front of it in large archives: where the large record is.
const LOCATOR: (&[u8], usize) = (b"PK\x06\x07", 20);
/// The large record.
const LARGE_END: (&[u8], usize) = (b"PK\x06\x06", 56);
/// A line of the list, without the name and what follows it.
const LINE: (&[u8], usize) = (b"PK\x01\x02", 46);
/// The header in front of a member, without the name and what follows it.
const HEADER: (&[u8], usize) = (b"PK\x03\x04", 30);

/// The little-endian integer of `N` bytes at `at`; the caller knows that they are there.
fn integer<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let mut whole = [0; 8];
    whole[..N].copy_from_slice(&bytes[at..at + N]);
    u64::from_le_bytes(whole)
}

fn zip_error(problem: impl Into<String>) -> Error {
    Error::format("zip archive", problem)
}

fn member_error(name: &str, problem: impl Into<String>) -> Error {
    Error::format(format!("member {} of the zip archive", quote(name)), problem)
}

/// Reads `n` bytes from byte `at` on. The caller knows that `n` is not large.
pub(super) fn bytes_at<R: Read + Seek>(source: &mut R, at: u64, n: usize) -> Result<Vec<u8>> {
    let unreadable = |e| Error::io_in("zip archive", "read", e);
    source.seek(SeekFrom::Start(at)).map_err(unreadable)?;
    let mut bytes = vec![0; n];
    source.read_exact(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}

/// A record with a signature at byte `at`.
fn record<R: Read + Seek>(source: &mut R, at: u64, kind: (&[u8], usize), file_size: u64) -> Result<Vec<u8>> {
    let (signature, size) = kind;
    if at.checked_add(size as u64).is_none_or(|end| end > file_size) {
        return Err(zip_error(format!("a record should be at byte {at}, and the file has {file_size} bytes")));
    }
    let bytes = bytes_at(source, at, size)?;
    match bytes.starts_with(signature) {
        true => Ok(bytes),
        false => Err(zip_error(format!("byte {at} should begin a record, and does not: is the file damaged?"))),
    }
}

/// Where the list of contents is.
struct List {
    n_members: u64,
    begin: u64,
    size: u64,
}

impl List {
    fn find<R: Read + Seek>(source: &mut R, file_size: u64) -> Result<List> {
        // The record stands at the end, but a comment of up to 65,535 bytes may follow.
        let n = file_size.min(65_535 + END.1 as u64) as usize;
        let tail = bytes_at(source, file_size - n as u64, n)?;
        let is_end = |&at: &usize| {
            tail[at..].starts_with(END.0) && integer::<2>(&tail, at + 20) == (tail.len() - at - END.1) as u64
        };
        let Some(at) = (0..(n + 1).saturating_sub(END.1)).rev().find(is_end) else {
            return Err(zip_error("its last part, the list of contents, is missing: is the file cut short?"));
        };
        let end = &tail[at..];
        let end_at = file_size - n as u64 + at as u64;
        let small =
            List { n_members: integer::<2>(end, 10), begin: integer::<4>(end, 16), size: integer::<4>(end, 12) };
        let is_large = small.n_members == 0xFFFF || small.begin == 0xFFFF_FFFF || small.size == 0xFFFF_FFFF;
        let (list, limit) = if is_large {
            let locator_at = end_at.checked_sub(LOCATOR.1 as u64).ok_or_else(|| zip_error("it is too short"))?;
            let locator = record(source, locator_at, LOCATOR, file_size)?;
            let large_at = integer::<8>(&locator, 8);
            let large = record(source, large_at, LARGE_END, file_size)?;
            let n_members = integer::<8>(&large, 32);
            (List { n_members, begin: integer::<8>(&large, 48), size: integer::<8>(&large, 40) }, large_at)
        } else {
            (small, end_at)
        };
        if list.begin.checked_add(list.size).is_none_or(|end| end > limit) {
            return Err(zip_error("the list of contents does not lie in the file: is the file damaged?"));
        }
        if list.size > LONGEST_LIST || list.n_members > list.size / LINE.1 as u64 {
            let List { n_members, size, .. } = list;
            return Err(zip_error(format!("the list of contents cannot have {n_members} members in {size} bytes")));
        }
        Ok(list)
    }
}

/// The members of the archive in the order of their bytes.
///
/// # Errors
///
/// A source that is no archive or is damaged, a member that is compressed or encrypted, or lies where it cannot.
pub(super) fn members<R: Read + Seek>(source: &mut R) -> Result<Vec<Member>> {
    let file_size = source.seek(SeekFrom::End(0)).map_err(|e| Error::io_in("zip archive", "read", e))?;
    let list = List::find(source, file_size)?;
    let bytes = bytes_at(source, list.begin, list.size as usize)?;
    let mut rest = &bytes[..];
    let mut found = Vec::new();
    for _ in 0..list.n_members {
        let (mut member, n_read) = line(rest)?;
        rest = &rest[n_read..];
        // What is in front of the member says how long that is itself, and must name the same member.
        let header = record(source, member.begin, HEADER, list.begin)?;
        let (n_name, n_extra) = (integer::<2>(&header, 26), integer::<2>(&header, 28));
        let header_at = member.begin;
        member.begin += HEADER.1 as u64 + n_name + n_extra; // at most 131,100 past a byte of the file
        if member.begin.checked_add(member.size).is_none_or(|end| end > list.begin) {
            return Err(member_error(&member.name, "does not lie in the file: is the file damaged?"));
        }
        if bytes_at(source, header_at + HEADER.1 as u64, n_name as usize)? != member.name.as_bytes() {
            return Err(member_error(&member.name, "has another name in its own header: the file is damaged"));
        }
        found.push((header_at, member));
    }
    if !rest.is_empty() {
        return Err(zip_error(format!("{} bytes follow the last line of the list of contents", rest.len())));
    }
    found.sort_by_key(|(begin, _)| *begin);
    let mut end = 0;
    let mut names = HashSet::new();
    for (begin, member) in &found {
        if *begin < end {
            return Err(member_error(&member.name, "overlaps the member before it"));
        }
        if !names.insert(member.name.as_str()) {
            return Err(member_error(&member.name, "is there twice: which one is meant?"));
        }
        end = member.begin + member.size;
    }
    Ok(found.into_iter().map(|(_, member)| member).collect())
}

/// The first line of a list of contents, with the header's place as the member's beginning, and the length of the line.
fn line(list: &[u8]) -> Result<(Member, usize)> {
    let fail = || zip_error("its list of contents is damaged");
    if list.len() < LINE.1 || !list.starts_with(LINE.0) {
        return Err(fail());
    }
    let (flags, method) = (integer::<2>(list, 8), integer::<2>(list, 10));
    let (mut packed, mut size, mut begin) = (integer::<4>(list, 20), integer::<4>(list, 24), integer::<4>(list, 42));
    let [n_name, n_extra, n_comment] = [28, 30, 32].map(|at| integer::<2>(list, at) as usize);
    let end = LINE.1 + n_name + n_extra + n_comment;
    if list.len() < end {
        return Err(fail());
    }
    let name = std::str::from_utf8(&list[LINE.1..LINE.1 + n_name]).map_err(|_| fail())?.to_string();
    // What does not fit into four bytes is in a further part, numbered 1: eight bytes each, in this order.
    let mut extra = &list[LINE.1 + n_name..LINE.1 + n_name + n_extra];
    while extra.len() >= 4 {
        let (id, n) = (integer::<2>(extra, 0), integer::<2>(extra, 2) as usize);
        let part = extra.get(4..4 + n).ok_or_else(fail)?;
        if id == 1 {
            let mut large = part.chunks_exact(8).map(|bytes| integer::<8>(bytes, 0));
            for value in [&mut size, &mut packed, &mut begin] {
                if *value == 0xFFFF_FFFF {
                    *value = large.next().ok_or_else(fail)?;
                }
            }
        }
        extra = &extra[4 + n..];
    }
    if flags & 1 == 1 {
        return Err(member_error(&name, "is encrypted, and PyTorch's files are not"));
    }
    if method != 0 || packed != size {
        let problem =
            format!("is compressed (method {method}), and torch.save stores members as they are: save it again");
        return Err(member_error(&name, problem));
    }
    Ok((Member { name, begin, size }, end))
}
