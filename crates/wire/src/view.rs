//! `view!`: typed views of JSON objects that keep what they do not know.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};

/// Declares a struct of typed members of a JSON object, plus `extra: Extra` with all others as raw text.
///
/// - Reading: keys in any order; `null` and a missing member give the type's default; an unknown key goes to `extra`
///   with its value untouched; of members with the same key the last one counts.
/// - Writing: the declared members in their order, without those that are `None`, then `extra` in its order.
/// - `field as "name": Type` gives a member another name than the field's.
/// - Whole numbers may be written as floats (`5e1`, `50.0`), as some clients and servers do.
/// - A field's type needs `Serialize`, `Deserialize` and `Default`. Documentation and attributes pass through.
///
/// ```
/// use lockgate_wire as wire;
///
/// wire::view! {
///     /// A tool that the model may call.
///     #[derive(Clone, Debug, Default, PartialEq)]
///     pub struct Tool {
///         pub kind as "type": String,
///         pub description: Option<String>,
///     }
/// }
///
/// let text = r#"{"strict":true,"type":"function","description":null}"#;
/// let tool: Tool = serde_json::from_str(text)?;
/// assert_eq!(tool.kind, "function");
/// assert_eq!(tool.extra.get("strict").map(|raw| raw.get()), Some("true"));
/// assert_eq!(serde_json::to_string(&tool)?, r#"{"type":"function","strict":true}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! view {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $Name:ident {
            $(
                $(#[$field_attribute:meta])*
                $field_visibility:vis $field:ident $(as $wire_name:literal)? : $Type:ty
            ),* $(,)?
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $Name {
            $(
                // The names are the wire format's own; its documentation says what they mean.
                #[allow(missing_docs)]
                $(#[$field_attribute])*
                $field_visibility $field: $Type,
            )*
            /// The members that have no field here, in order.
            pub extra: $crate::Extra,
        }

        impl $crate::__private::serde::Serialize for $Name {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: $crate::__private::serde::Serializer,
            {
                use $crate::__private::serde::ser::SerializeMap as _;
                #[allow(unused_imports)]
                use $crate::__private::AlwaysPresent as _;

                let mut map = serializer.serialize_map(::core::option::Option::None)?;
                $(
                    if $crate::__private::Presence(&self.$field).is_present() {
                        map.serialize_entry($crate::__wire_name!($field $($wire_name)?), &self.$field)?;
                    }
                )*
                self.extra.serialize_into(&mut map)?;
                map.end()
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $Name {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: $crate::__private::serde::Deserializer<'de>,
            {
                #[allow(unused_imports)]
                use $crate::__private::ReadAny as _;

                struct Members;

                impl<'de> $crate::__private::serde::de::Visitor<'de> for Members {
                    type Value = $Name;

                    fn expecting(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                        f.write_str(::core::concat!("an object (", ::core::stringify!($Name), ")"))
                    }

                    fn visit_map<M>(self, mut map: M) -> ::core::result::Result<$Name, M::Error>
                    where
                        M: $crate::__private::serde::de::MapAccess<'de>,
                    {
                        let mut view = $Name {
                            $($field: ::core::default::Default::default(),)*
                            extra: ::core::default::Default::default(),
                        };
                        while let ::core::option::Option::Some(key) = map.next_key::<$crate::__private::Key<'de>>()? {
                            match &*key {
                                $(
                                    $crate::__wire_name!($field $($wire_name)?) => {
                                        view.$field = $crate::__private::Reader::<$Type>::new()
                                            .read(&mut map)
                                            .map_err(|error| $crate::__private::in_member(&key, error))?;
                                    }
                                )*
                                unknown => view.extra.collect(unknown, &mut map)?,
                            }
                        }
                        view.extra.settle();
                        ::core::result::Result::Ok(view)
                    }
                }

                deserializer.deserialize_map(Members)
            }
        }
    };
}

/// A member's key: the name given, or else the field's.
#[doc(hidden)]
#[macro_export]
macro_rules! __wire_name {
    ($field:ident) => {
        ::core::stringify!($field)
    };
    ($field:ident $wire_name:literal) => {
        $wire_name
    };
}

/// A key of a JSON object, borrowed from the text where that is possible.
pub struct Key<'de>(Cow<'de, str>);

impl Deref for Key<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E: Error>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }

            fn visit_string<E: Error>(self, key: String) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Tells whether a field is written: its own method, for `Option`, comes before that of [`AlwaysPresent`].
pub struct Presence<'a, T>(pub &'a T);

impl<T> Presence<'_, Option<T>> {
    /// Whether there is a value.
    pub fn is_present(&self) -> bool {
        self.0.is_some()
    }
}

/// See [`Presence`].
pub trait AlwaysPresent {
    /// A type that is no `Option` always has a value.
    fn is_present(&self) -> bool {
        true
    }
}

impl<T> AlwaysPresent for Presence<'_, T> {}

/// The error with the name of the member whose value is wrong: `\`messages\`: \`role\`: invalid type …`.
pub fn in_member<E: Error>(key: &str, error: E) -> E {
    E::custom(format_args!("`{key}`: {error}"))
}

/// Reads the value of a field: its own methods, for whole numbers, come before that of [`ReadAny`].
pub struct Reader<T>(PhantomData<T>);

impl<T> Reader<T> {
    /// A reader of that type.
    #[expect(clippy::new_without_default, reason = "made by the macro alone")]
    pub fn new() -> Self {
        Self(PhantomData)
    }
}

/// See [`Reader`].
pub trait ReadAny<'de, T: Deserialize<'de> + Default> {
    /// The next value; through an option, so that `null` gives the default of any type.
    fn read<M: MapAccess<'de>>(&self, map: &mut M) -> Result<T, M::Error> {
        Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
    }
}

impl<'de, T: Deserialize<'de> + Default> ReadAny<'de, T> for Reader<T> {}

impl Reader<Option<u64>> {
    /// The next value.
    pub fn read<'de, M: MapAccess<'de>>(&self, map: &mut M) -> Result<Option<u64>, M::Error> {
        Ok(map.next_value::<Option<Whole>>()?.map(|whole| whole.0))
    }
}

impl Reader<Option<u32>> {
    /// The next value.
    pub fn read<'de, M: MapAccess<'de>>(&self, map: &mut M) -> Result<Option<u32>, M::Error> {
        let Some(Whole(number)) = map.next_value()? else { return Ok(None) };
        let small = u32::try_from(number).map(Some);
        small.map_err(|_| Error::invalid_value(Unexpected::Unsigned(number), &"a smaller number"))
    }
}

/// A whole number that is not negative, also written as a float: `50`, `50.0`, `5e1`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Whole(pub u64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Whole;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number that is not negative")
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Whole, E> {
                Ok(Whole(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Whole, E> {
                let whole = u64::try_from(number).map(Whole);
                whole.map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Whole, E> {
                // Up to 2^53 every whole number has a float of its own.
                match number.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&number) {
                    true => Ok(Whole(number as u64)),
                    false => Err(E::invalid_value(Unexpected::Float(number), &self)),
                }
            }
        }
        deserializer.deserialize_u64(Number)
    }
}
