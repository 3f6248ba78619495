//! Tensors of one dimension, written and read.

use std::borrow::Cow;

use safetensors::tensor::{Dtype, SafeTensors, View};

/// A tensor of one dimension, as it stands in the file: little-endian, four bytes a number.
pub(super) struct Column {
    dtype: Dtype,
    shape: [usize; 1],
    bytes: Vec<u8>,
}

impl Column {
    pub(super) fn floats(values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: Dtype::F32, shape: [values.len()], bytes }
    }

    pub(super) fn indices(values: &[u32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Self { dtype: Dtype::U32, shape: [values.len()], bytes }
    }
}

impl View for &Column {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn column<'a>(tensors: &'a SafeTensors<'_>, name: &str, dtype: Dtype) -> Result<&'a [u8], String> {
    let tensor = tensors.tensor(name).map_err(|_| format!("the tensor `{name}` is missing"))?;
    if tensor.dtype() == dtype && tensor.shape().len() == 1 {
        Ok(tensor.data())
    } else {
        Err(format!("the tensor `{name}` is {:?} {:?}", tensor.dtype(), tensor.shape()))
    }
}

fn words(bytes: &[u8]) -> impl Iterator<Item = [u8; 4]> + '_ {
    bytes.chunks_exact(4).map(|word| [word[0], word[1], word[2], word[3]])
}

pub(super) fn floats(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<f32>, String> {
    Ok(words(column(tensors, name, Dtype::F32)?).map(f32::from_le_bytes).collect())
}

pub(super) fn indices(tensors: &SafeTensors<'_>, name: &str) -> Result<Vec<u32>, String> {
    Ok(words(column(tensors, name, Dtype::U32)?).map(u32::from_le_bytes).collect())
}
