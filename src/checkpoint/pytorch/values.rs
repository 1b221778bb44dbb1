//! What a pickle of weights can hold: the values, and the names that it may ask for.

use crate::checkpoint::safetensors::Dtype;

/// The most dimensions of a tensor, as in PyTorch.
pub(super) const MOST_DIMENSIONS: usize = 64;

/// The number of a value in the list of all values of a pickle.
pub(super) type Id = u32;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Name(Name),
    Storage(Storage),
    Tensor(Box<Strided>),
}

/// What `GLOBAL` may fetch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Dtype),
}

/// The names that weights need: module and name, as `GLOBAL` has them.
pub(super) const NAMES: [(&str, &str, Name); 13] = [
    ("collections", "OrderedDict", Name::OrderedDict),
    ("torch._utils", "_rebuild_tensor_v2", Name::RebuildTensor),
    ("torch._utils", "_rebuild_parameter", Name::RebuildParameter),
    ("torch", "FloatStorage", Name::Storage(Dtype::F32)),
    ("torch", "HalfStorage", Name::Storage(Dtype::F16)),
    ("torch", "BFloat16Storage", Name::Storage(Dtype::Bf16)),
    ("torch", "DoubleStorage", Name::Storage(Dtype::F64)),
    ("torch", "LongStorage", Name::Storage(Dtype::I64)),
    ("torch", "IntStorage", Name::Storage(Dtype::I32)),
    ("torch", "ShortStorage", Name::Storage(Dtype::I16)),
    ("torch", "CharStorage", Name::Storage(Dtype::I8)),
    ("torch", "ByteStorage", Name::Storage(Dtype::U8)),
    ("torch", "BoolStorage", Name::Storage(Dtype::Bool)),
];

/// Numbers of one kind in a row, in the member `data/<key>` of the archive. Several tensors may be parts of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    pub dtype: Dtype,
    /// A text.
    pub key: Id,
    pub n: usize,
}

/// A tensor: which numbers of a storage it has. The number at index `[i, j]` is `offset + i*strides[0] + j*strides[1]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Strided {
    /// A storage.
    pub storage: Id,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}
