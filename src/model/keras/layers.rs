//! Layers of Keras as layers of ours.

use super::AS_ONNX;
use crate::model::layers::{
    ActivationLayer, AvgPool, BatchNorm, Conv, Dense, Dropout, Flatten, GlobalAvgPool, LayerNorm,
    MaxPool,
};
use crate::model::{Activation, LayerKind, Padding};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A layer in the configuration.
#[derive(Deserialize)]
pub(super) struct Entry {
    pub(super) class_name: String,
    config: Value,
    #[serde(default)]
    build_config: Option<Value>,
    /// Of a functional model: the outputs that each call of the layer takes.
    #[serde(default)]
    inbound_nodes: Option<Vec<Value>>,
}

/// What a layer becomes.
pub(super) enum Part {
    Input,
    /// Pixels divided by 255.
    Rescaling,
    Softmax,
    Layer(LayerKind),
}

impl Entry {
    pub(super) fn name(&self) -> &str {
        self.config.get("name").and_then(Value::as_str).unwrap_or("without a name")
    }

    /// Shape of a batch of inputs, if the layer says it.
    pub(super) fn input(&self) -> Option<Vec<Option<usize>>> {
        let shape = self
            .config
            .get("batch_shape")
            .or_else(|| self.build_config.as_ref()?.get("input_shape"))?;
        serde_json::from_value(shape.clone()).ok()
    }

    /// Refuses a layer that takes anything but the output of the layer `before`.
    pub(super) fn check_follows(&self, before: Option<&str>) -> Result<(), String> {
        let Some(nodes) = &self.inbound_nodes else { return Ok(()) };
        let mut sources = Vec::new();
        nodes.iter().for_each(|node| tensors(node, &mut sources));
        if sources.iter().copied().eq(before) {
            return Ok(());
        }
        let before = before.map_or("nothing".into(), |before| format!("`{before}`"));
        Err(format!(
            "it takes {}, expected {before}, as only chains of layers are read; {AS_ONNX}",
            if sources.is_empty() { "nothing".into() } else { sources.join(" and ") }
        ))
    }

    /// The layer with its settings.
    pub(super) fn part(&self) -> Result<Part, String> {
        Ok(Part::Layer(match self.class_name.as_str() {
            "InputLayer" => return Ok(Part::Input),
            "Rescaling" => {
                let scale: f64 = self.get("scale")?;
                self.expect("offset", &[0.0])?;
                if (scale * 255.0 - 1.0).abs() > 1e-6 {
                    return Err(format!("scale = {scale}: only 1/255 is read; {AS_ONNX}"));
                }
                return Ok(Part::Rescaling);
            }
            "Softmax" => {
                self.expect("axis", &[-1])?;
                return Ok(Part::Softmax);
            }
            "Activation" => match self.activation()? {
                Activation::Softmax => return Ok(Part::Softmax),
                activation => ActivationLayer { activation }.into(),
            },
            "ReLU" => {
                self.expect("max_value", &[None::<f64>])?;
                self.expect("negative_slope", &[0.0])?;
                self.expect("threshold", &[0.0])?;
                ActivationLayer { activation: Activation::Relu }.into()
            }
            "Dense" => {
                self.expect("use_bias", &[true])?;
                Dense { units: self.get("units")?, activation: self.activation()? }.into()
            }
            "Conv2D" => self.conv()?,
            "MaxPooling2D" => MaxPool { size: self.pool()? }.into(),
            "AveragePooling2D" => AvgPool { size: self.pool()? }.into(),
            "GlobalAveragePooling2D" => {
                self.expect("keepdims", &[false])?;
                GlobalAvgPool.into()
            }
            "BatchNormalization" => {
                self.expect_last_axis()?;
                BatchNorm { momentum: self.get("momentum")?, epsilon: self.get("epsilon")? }.into()
            }
            "LayerNormalization" => {
                self.expect_last_axis()?;
                self.expect("rms_scaling", &[false])?;
                LayerNorm { epsilon: self.get("epsilon")? }.into()
            }
            "Dropout" => Dropout { rate: self.get("rate")? }.into(),
            "Flatten" => Flatten.into(),
            _ => return Err(format!("no layer of ours is like it; {AS_ONNX}")),
        }))
    }

    fn conv(&self) -> Result<LayerKind, String> {
        self.expect("data_format", &["channels_last"])?;
        self.expect("dilation_rate", &[[1, 1]])?;
        self.expect("groups", &[1])?;
        let padding: String = self.get("padding")?;
        let conv = Conv {
            filters: self.get("filters")?,
            kernel: self.get("kernel_size")?,
            stride: self.get("strides")?,
            padding: match padding.as_str() {
                "same" => Padding::Same,
                "valid" => Padding::Valid,
                other => return Err(format!("padding = {other}: expected same or valid")),
            },
            bias: self.get("use_bias")?,
            activation: self.activation()?,
        };
        Ok(conv.into())
    }

    /// Size of windows that touch.
    fn pool(&self) -> Result<[usize; 2], String> {
        self.expect("data_format", &["channels_last"])?;
        self.expect("padding", &["valid"])?;
        let size: [usize; 2] = self.get("pool_size")?;
        self.expect("strides", &[size])?;
        Ok(size)
    }

    /// Refuses a normalisation of anything but the channels, or without its factors.
    fn expect_last_axis(&self) -> Result<(), String> {
        let axis = self.config.get("axis").map(|axis| match axis {
            Value::Array(axes) if axes.len() == 1 => &axes[0],
            axis => axis,
        });
        let rank = self.input().map_or(0, |shape| shape.len() as i64);
        let axis = axis.and_then(Value::as_i64);
        if axis != Some(-1) && axis != Some(rank - 1) {
            return Err(format!("axis = {}: only the last is read", self.config["axis"]));
        }
        self.expect("center", &[true])?;
        self.expect("scale", &[true])
    }

    fn activation(&self) -> Result<Activation, String> {
        let value = self.config.get("activation").unwrap_or(&Value::Null);
        serde_json::from_value(value.clone()).map_err(|_| {
            format!(
                "activation = {value}: linear, relu, sigmoid, tanh and softmax are read; {AS_ONNX}"
            )
        })
    }

    /// The value of a setting.
    fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T, String> {
        let value = self.config.get(key).ok_or_else(|| format!("`{key}` is missing"))?;
        serde_json::from_value(value.clone()).map_err(|error| format!("{key} = {value}: {error}"))
    }

    /// Refuses a setting that has another value than one of these. One that the file does not have
    /// was not known to that version of Keras.
    fn expect<T: Into<Value> + Clone>(&self, key: &str, known: &[T]) -> Result<(), String> {
        let Some(found) = self.config.get(key) else { return Ok(()) };
        let known: Vec<Value> = known.iter().cloned().map(Into::into).collect();
        if known.iter().any(|known| same(known, found)) {
            return Ok(());
        }
        let known: Vec<String> = known.iter().map(Value::to_string).collect();
        Err(format!("{key} = {found}: only {} is read; {AS_ONNX}", known.join(" or ")))
    }
}

/// `true` if both are equal, numbers by their value.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        _ => a == b,
    }
}

/// Names of the layers whose outputs are anywhere in a value.
fn tensors<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| tensors(value, names)),
        Value::Object(fields) => {
            match fields.get("keras_history").and_then(|history| history.get(0)) {
                Some(name) => names.extend(name.as_str()),
                None => fields.values().for_each(|value| tensors(value, names)),
            }
        }
        _ => {}
    }
}

/// Height, width and channels of a batch of inputs of that shape; a vector counts as one row.
pub(super) fn image_shape(batch: &[Option<usize>]) -> Result<[usize; 3], String> {
    let sizes: Option<Vec<usize>> = batch.iter().skip(1).copied().collect();
    match sizes.as_deref() {
        Some(&[height, width, channels]) => Ok([height, width, channels]),
        Some(&[height, width]) => Ok([height, width, 1]),
        Some(&[values]) => Ok([1, values, 1]),
        _ => {
            let words =
                batch.iter().map(|size| size.map_or("None".into(), |size| size.to_string()));
            Err(format!(
                "the input has the shape ({}), expected (None, height, width, channels) with sizes",
                words.collect::<Vec<_>>().join(", ")
            ))
        }
    }
}

/// A class name as Keras writes it in names: `MaxPooling2D` as `max_pooling2d`.
pub(super) fn snake_case(class_name: &str) -> String {
    let letters: Vec<char> =
        class_name.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut name = String::new();
    for (at, &letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(at + 1);
        let begins_word = letter.is_ascii_uppercase()
            && before.is_some_and(|before| {
                before.is_ascii_lowercase() || after.is_some_and(char::is_ascii_lowercase)
            });
        if begins_word && before != Some('_') {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
