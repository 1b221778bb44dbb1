//! A pickle, read without running it.
//!
//! A pickle is a program for a small machine. The machine has a stack, on which values are put, and a *memo*, in which they
//! are kept under numbers to be fetched again. Each opcode is one byte, some with an argument behind it: "put this text on
//! the stack", "make a tuple of everything above the mark", "take the two on top as key and value of a dictionary".
//!
//! Two opcodes make pickles dangerous in Python. `GLOBAL` fetches anything that has a name, such as a function that deletes
//! files, and `REDUCE` calls it. Here `GLOBAL` knows the dozen names that weights need, and refuses any other; `REDUCE`
//! calls nothing, but notes what PyTorch would build: a dictionary, or a tensor with its shape. No opcode of this machine
//! can do anything but put a value into a list.
//!
//! Values refer to each other by their number in that list, so that one that contains itself, or a million nested ones, do
//! no harm. The list, the stack and the memo have a limit.

use super::opcodes::{known, name};
use super::values::{Id, MOST_DIMENSIONS, NAMES, Name, Storage, Strided, Value};
use crate::checkpoint::json::quote;
use crate::error::{Error, Result};
use std::collections::HashMap;

/// The most values, and entries of stack and memo. A GPT-2 of 48 blocks has some 10,000.
const MOST: usize = 1_000_000;
/// What a pickle holds.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    pub root: Id,
}

impl Pickle {
    /// Reads a pickle.
    ///
    /// # Errors
    ///
    /// Anything that a file of weights does not need. The error names the opcode and its position.
    pub fn read(bytes: &[u8]) -> Result<Pickle> {
        let mut machine =
            Machine { bytes, at: 0, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
        loop {
            let start = machine.at;
            let Some(&opcode) = bytes.get(start) else {
                return Err(Error::format(
                    "pickle",
                    format!("ends at byte {start} without STOP: is the file cut short?"),
                ));
            };
            machine.at += 1;
            match machine.step(opcode) {
                Ok(None) => {}
                Ok(Some(root)) => return Ok(Pickle { values: machine.values, root }),
                Err(problem) => {
                    return Err(Error::format("pickle", format!("{} at byte {start}: {problem}", name(opcode))));
                }
            }
        }
    }

    pub fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    pub fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a dictionary.
    pub fn dict(&self, id: Id) -> Option<&[(Id, Id)]> {
        match self.value(id) {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// What a dictionary has under a text; the last counts, as in Python.
    pub fn get(&self, dict: Id, key: &str) -> Option<Id> {
        self.dict(dict)?.iter().rfind(|(found, _)| self.text(*found) == Some(key)).map(|(_, value)| *value)
    }
}

/// A problem in words; [`Pickle::read`] adds the opcode and its position.
type Step<T> = std::result::Result<T, String>;

struct Machine<'a> {
    bytes: &'a [u8],
    /// The next byte.
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Machine<'_> {
    /// Carries out one opcode. With `STOP` comes the value that the pickle holds.
    fn step(&mut self, opcode: u8) -> Step<Option<Id>> {
        match opcode {
            known::PROTO => match self.take::<1>()? {
                [2] => {}
                [n] => {
                    return Err(format!("protocol {n}, and PyTorch writes 2: save it again without pickle_protocol"));
                }
            },
            known::GLOBAL => {
                let (module, name) = (self.line()?, self.line()?);
                let found = NAMES.iter().find(|(m, n, _)| *m == module && *n == name);
                let unknown = || {
                    let asked = quote(&format!("{module}.{name}"));
                    format!("asks for {asked}, which no weights need; nothing of it was run, and it is not read here")
                };
                self.push(Value::Name(found.ok_or_else(unknown)?.2))?;
            }
            known::BINPUT => {
                let [key] = self.take()?;
                self.keep(u32::from(key))?;
            }
            known::LONG_BINPUT => {
                let key = u32::from_le_bytes(self.take()?);
                self.keep(key)?;
            }
            known::BINGET => {
                let [key] = self.take()?;
                self.fetch(u32::from(key))?;
            }
            known::LONG_BINGET => {
                let key = u32::from_le_bytes(self.take()?);
                self.fetch(key)?;
            }
            known::MARK => {
                within(self.marks.len(), "marks")?;
                self.marks.push(self.stack.len());
            }
            known::EMPTY_TUPLE => self.push(Value::Tuple(Vec::new()))?,
            known::TUPLE => {
                let parts = self.since_mark()?;
                self.push(Value::Tuple(parts))?;
            }
            known::TUPLE1 | known::TUPLE2 | known::TUPLE3 => {
                let mut parts = Vec::new();
                for _ in known::TUPLE1..=opcode {
                    parts.insert(0, self.pop()?);
                }
                self.push(Value::Tuple(parts))?;
            }
            known::EMPTY_LIST => self.push(Value::List(Vec::new()))?,
            known::APPEND => {
                let value = self.pop()?;
                self.append(vec![value])?;
            }
            known::APPENDS => {
                let values = self.since_mark()?;
                self.append(values)?;
            }
            known::EMPTY_DICT => self.push(Value::Dict(Vec::new()))?,
            known::SETITEM => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])?;
            }
            known::SETITEMS => {
                let items = self.since_mark()?;
                self.set(&items)?;
            }
            known::BINUNICODE => {
                let n = u32::from_le_bytes(self.take()?) as usize;
                let bytes = self.take_slice(n)?.to_vec();
                self.push(Value::Text(String::from_utf8(bytes).map_err(|_| "its text is not UTF-8")?))?;
            }
            known::BININT1 => {
                let [n] = self.take()?;
                self.push(Value::Int(i64::from(n)))?;
            }
            known::BININT2 => {
                let n = u16::from_le_bytes(self.take()?);
                self.push(Value::Int(i64::from(n)))?;
            }
            known::BININT => {
                let n = i32::from_le_bytes(self.take()?);
                self.push(Value::Int(i64::from(n)))?;
            }
            known::LONG1 => {
                let [n] = self.take()?;
                if n > 8 {
                    return Err(format!("an integer of {n} bytes is too large"));
                }
                let bytes = self.take_slice(usize::from(n))?;
                let sign = if bytes.last().is_some_and(|&high| high >= 0x80) { 0xFF } else { 0 };
                let mut whole = [sign; 8];
                whole[..bytes.len()].copy_from_slice(bytes);
                self.push(Value::Int(i64::from_le_bytes(whole)))?;
            }
            known::BINFLOAT => {
                let x = f64::from_be_bytes(self.take()?);
                self.push(Value::Float(x))?;
            }
            known::NEWTRUE => self.push(Value::Bool(true))?,
            known::NEWFALSE => self.push(Value::Bool(false))?,
            known::NONE => self.push(Value::None)?,
            known::BINPERSID => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.push(Value::Storage(storage))?;
            }
            known::REDUCE => self.reduce()?,
            known::BUILD => {
                // Whatever Python would put into the object: for a dictionary, notes about the modules of a model.
                let _notes = self.pop()?;
                match self.top()? {
                    Value::Dict(_) => {}
                    _ => return Err("changes something that is no dictionary".to_string()),
                }
            }
            known::STOP => {
                let root = self.pop()?;
                if !self.stack.is_empty() || !self.marks.is_empty() || self.at != self.bytes.len() {
                    return Err("something is left over: is the file damaged?".to_string());
                }
                return Ok(Some(root));
            }
            _ => return Err("no file of weights needs this opcode, and it is not carried out here".to_string()),
        }
        Ok(None)
    }

    /// Notes what PyTorch would build with the name and the arguments on top of the stack.
    fn reduce(&mut self) -> Step<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let Value::Tuple(arguments) = self.value(arguments).clone() else {
            return Err("its arguments are no tuple".to_string());
        };
        match (self.value(callee), arguments.as_slice()) {
            (Value::Name(Name::OrderedDict), []) => self.push(Value::Dict(Vec::new())),
            (
                Value::Name(Name::RebuildTensor),
                &[storage, offset, shape, strides, _, _] | &[storage, offset, shape, strides, _, _, _],
            ) => {
                let tensor = self.tensor(storage, offset, shape, strides)?;
                self.push(Value::Tensor(Box::new(tensor)))
            }
            (Value::Name(Name::RebuildParameter), &[tensor, _, _])
                if matches!(self.value(tensor), Value::Tensor(_)) =>
            {
                self.push_id(tensor)
            }
            (Value::Name(_), _) => Err("its arguments are not those that PyTorch writes".to_string()),
            _ => Err("calls something that is no name".to_string()),
        }
    }

    /// `("storage", kind, key, location, n)`
    fn storage(&self, id: Id) -> Step<Storage> {
        let fail = || "is not the description of a storage that PyTorch writes".to_string();
        let Value::Tuple(parts) = self.value(id) else { return Err(fail()) };
        let &[tag, kind, key, _, n] = parts.as_slice() else { return Err(fail()) };
        match (self.value(tag), self.value(kind), self.value(key)) {
            (Value::Text(tag), Value::Name(Name::Storage(dtype)), Value::Text(_)) if tag == "storage" => {
                Ok(Storage { dtype: *dtype, key, n: self.size(n)? })
            }
            _ => Err(fail()),
        }
    }

    fn tensor(&self, storage: Id, offset: Id, shape: Id, strides: Id) -> Step<Strided> {
        if !matches!(self.value(storage), Value::Storage(_)) {
            return Err("a tensor without a storage".to_string());
        }
        let sizes = |id: Id| match self.value(id) {
            Value::Tuple(parts) if parts.len() <= MOST_DIMENSIONS => parts.iter().map(|&n| self.size(n)).collect(),
            _ => Err("a shape and its strides must be tuples of integers".to_string()),
        };
        let (shape, strides): (Vec<usize>, Vec<usize>) = (sizes(shape)?, sizes(strides)?);
        if shape.len() != strides.len() {
            return Err(format!("{} dimensions have {} strides", shape.len(), strides.len()));
        }
        Ok(Strided { storage, offset: self.size(offset)?, shape, strides })
    }

    fn size(&self, id: Id) -> Step<usize> {
        match self.value(id) {
            Value::Int(n) => usize::try_from(*n).map_err(|_| format!("{n} is no size")),
            _ => Err("a size must be an integer".to_string()),
        }
    }

    fn append(&mut self, mut values: Vec<Id>) -> Step<()> {
        match self.top()? {
            Value::List(list) => {
                list.append(&mut values);
                Ok(())
            }
            _ => Err("there is no list to append to".to_string()),
        }
    }

    fn set(&mut self, items: &[Id]) -> Step<()> {
        let (pairs, []) = items.as_chunks::<2>() else { return Err("a key has no value".to_string()) };
        match self.top()? {
            Value::Dict(entries) => {
                entries.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err("there is no dictionary to put it into".to_string()),
        }
    }

    fn value(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    fn push(&mut self, value: Value) -> Step<()> {
        within(self.values.len(), "values")?;
        self.values.push(value);
        self.push_id((self.values.len() - 1) as Id)
    }

    fn push_id(&mut self, id: Id) -> Step<()> {
        within(self.stack.len(), "values on the stack")?;
        self.stack.push(id);
        Ok(())
    }

    /// Takes the value on top, if it stands above the last mark.
    fn pop(&mut self) -> Step<Id> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let top = if self.stack.len() > floor { self.stack.pop() } else { None };
        top.ok_or_else(|| "there is nothing on the stack".to_string())
    }

    /// The value on top, which stays there.
    fn top(&mut self) -> Step<&mut Value> {
        let id = self.pop()?;
        self.stack.push(id);
        Ok(&mut self.values[id as usize])
    }

    /// Takes everything above the last mark.
    fn since_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or("there is no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn keep(&mut self, key: u32) -> Step<()> {
        within(self.memo.len(), "entries in the memo")?;
        let id = self.pop()?;
        self.stack.push(id);
        self.memo.insert(key, id);
        Ok(())
    }

    fn fetch(&mut self, key: u32) -> Step<()> {
        let id = *self.memo.get(&key).ok_or_else(|| format!("the memo has no entry {key}"))?;
        self.push_id(id)
    }

    fn take<const N: usize>(&mut self) -> Step<[u8; N]> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take_slice(N)?);
        Ok(bytes)
    }

    fn take_slice(&mut self, n: usize) -> Step<&[u8]> {
        let left = self.bytes.len() - self.at;
        if n > left {
            return Err(format!("needs {n} bytes, and {left} follow: is the file cut short?"));
        }
        self.at += n;
        Ok(&self.bytes[self.at - n..self.at])
    }

    /// The text up to the end of the line.
    fn line(&mut self) -> Step<String> {
        let rest = &self.bytes[self.at..];
        let n = rest.iter().position(|&byte| byte == b'\n').ok_or("a name has no end")?;
        self.at += n + 1;
        Ok(String::from_utf8_lossy(&rest[..n]).into_owned())
    }
}

/// Checks that there is room for one more.
fn within(n: usize, what: &str) -> Step<()> {
    if n < MOST { Ok(()) } else { Err(format!("more than {MOST} {what}")) }
}
