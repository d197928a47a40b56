//! Bodies of requests and replies.

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, DeserializeOwned, IntoDeserializer, Unexpected, Visitor,
        value::{MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use serde_json::{Value, json};

use crate::ApiError;

/// A reply: a request id always, and a result or an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply {
    /// Names the request in the server's log.
    pub request_id: String,
    /// What the operation returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ApiError>,
}

impl Reply {
    /// The reply to a request; an operation without a result gives `{}`.
    #[must_use]
    pub fn new(request_id: String, outcome: Result<Value, ApiError>) -> Self {
        match outcome {
            Ok(Value::Null) => Self { request_id, result: Some(json!({})), error: None },
            Ok(result) => Self { request_id, result: Some(result), error: None },
            Err(error) => Self { request_id, result: None, error: Some(error) },
        }
    }

    /// What the operation returned.
    ///
    /// # Errors
    /// The error that the reply carries.
    pub fn into_result(self) -> Result<Value, ApiError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.result.unwrap_or_else(|| json!({}))),
        }
    }
}

/// Reads the body of a request: a JSON object, or nothing. `null` counts as absent, unknown keys are ignored.
///
/// # Errors
/// 400, naming the key that is missing or of a wrong type.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut value: Value = if bytes.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(bytes)
            .map_err(|error| ApiError::invalid(format!("the body is not JSON: {error}")))?
    };
    if !value.is_object() {
        return Err(ApiError::invalid("the body is not a JSON object"));
    }
    drop_nulls(&mut value);
    serde_path_to_error::deserialize(Strict(value)).map_err(|error| {
        let path = error.path().to_string();
        // The one name of a Rust type that shows up in reasons.
        let reason = error.into_inner().to_string().replace("expected i64", "expected a whole number");
        let message = if path == "." { reason } else { format!("{path}: {reason}") };
        // Shortened: the reason quotes what was sent, however long that is.
        ApiError::invalid(message.chars().take(300).collect::<String>())
    })
}

/// The official clients write `null` for everything unset, at every depth.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// A value whose lists are no objects: a derived model would take one as its fields in their order.
struct Strict(Value);

impl<'de> Deserializer<'de> for Strict {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0 {
            Value::Array(values) => visitor.visit_seq(SeqDeserializer::new(values.into_iter().map(Strict))),
            Value::Object(map) => visitor
                .visit_map(MapDeserializer::new(map.into_iter().map(|(key, value)| (key, Strict(value))))),
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if self.0.is_array() {
            return Err(de::Error::invalid_type(Unexpected::Seq, &visitor));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for Strict {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        name: String,
        port: Option<i64>,
        inner: Option<Inner>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Inner {
        weight: Option<i64>,
    }

    #[test]
    fn null_is_absent_and_unknown_keys_are_ignored() {
        let body = br#"{"regionId":"r","name":"n","port":null,"inner":{"weight":null,"x":1}}"#;
        assert_eq!(
            parse::<Spec>(body).unwrap(),
            Spec { name: "n".into(), port: None, inner: Some(Inner { weight: None }) }
        );
    }

    #[test]
    fn a_list_is_no_object() {
        let message = |body: &str| parse::<Spec>(body.as_bytes()).unwrap_err().message;
        assert!(message(r#"{"name":"n","inner":[7]}"#).contains("inner: invalid type: sequence"));
        assert!(message(r#"{"name":"n","inner":[null]}"#).contains("inner: invalid type: sequence"));
    }

    #[test]
    fn errors_name_the_key() {
        let message = |body: &str| parse::<Spec>(body.as_bytes()).unwrap_err().message;
        assert_eq!(message("{}"), "missing field `name`");
        assert_eq!(message(r#"{"name":null}"#), "missing field `name`");
        assert_eq!(
            message(r#"{"name":"n","inner":{"weight":"9"}}"#),
            "inner.weight: invalid type: string \"9\", expected a whole number"
        );
        let long = format!(r#"{{"name":"n","port":"{}"}}"#, "9".repeat(10_000));
        assert!(message(&long).len() <= 300);
        assert!(message("[1]").contains("not a JSON object"));
        assert!(message("{").contains("not JSON"));
    }
}
