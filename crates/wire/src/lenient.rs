//! `lenient_view!`: typed views of what others send, where a value of another type than expected is none.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A type that any JSON value is read as: one of another type is none, not an error.
pub trait Lenient: Sized {
    /// The value, if it is one of this type.
    ///
    /// # Errors
    /// The text is no JSON.
    fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error>;
}

/// Declares a struct of members of a JSON object, each an `Option`: none if it is missing, `null`, or of another type.
/// Read in one pass, without a look back. Unlike [`view!`](crate::view!) it is not written.
///
/// - Members without a field are skipped; `..extra` behind the last field keeps them in a field of that name.
/// - `field as "name": Type` gives a member another name than the field's.
/// - As a whole text, something else than an object is an error.
///
/// ```
/// use lockgate_wire as wire;
///
/// wire::lenient_view! {
///     #[derive(Default)]
///     pub struct Part {
///         pub kind as "type": String,
///         pub parts: Vec<Part>,
///         pub count: u64,
///     }
/// }
///
/// let part: Part = serde_json::from_str(r#"{"type":"a","count":"many","parts":[{"type":1,"x":{}}]}"#)?;
/// assert_eq!(part.kind.as_deref(), Some("a"));
/// assert!(part.count.is_none());
/// assert!(part.parts.is_some_and(|parts| parts.len() == 1 && parts[0].kind.is_none()));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! lenient_view {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $Name:ident {
            $(
                $(#[$field_attribute:meta])*
                $field_visibility:vis $field:ident $(as $wire_name:literal)? : $Type:ty,
            )*
            $(.. $extra_visibility:vis $extra:ident)?
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $Name {
            $(
                // The names are the wire format's own; its documentation says what they mean.
                #[allow(missing_docs)]
                $(#[$field_attribute])*
                $field_visibility $field: ::core::option::Option<$Type>,
            )*
            $(
                /// The members that have no field here, in order.
                $extra_visibility $extra: $crate::Extra,
            )?
        }

        impl<'de> $crate::Take<'de> for $Name {
            fn object<M>(mut map: M) -> ::core::result::Result<::core::option::Option<Self>, M::Error>
            where
                M: $crate::__private::serde::de::MapAccess<'de>,
            {
                let mut view = Self {
                    $($field: ::core::option::Option::None,)*
                    $($extra: ::core::default::Default::default(),)?
                };
                while let ::core::option::Option::Some(key) = map.next_key::<$crate::__private::Key<'de>>()? {
                    match &*key {
                        $(
                            $crate::__wire_name!($field $($wire_name)?) => {
                                view.$field = map.next_value::<$crate::__private::Found<$Type>>()?.0;
                            }
                        )*
                        unknown => $crate::__unknown!(unknown, map $(, view.$extra)?),
                    }
                }
                $(view.$extra.settle();)?
                ::core::result::Result::Ok(::core::option::Option::Some(view))
            }
        }

        impl $crate::Lenient for $Name {
            fn lenient<'de, D>(deserializer: D) -> ::core::result::Result<::core::option::Option<Self>, D::Error>
            where
                D: $crate::__private::serde::Deserializer<'de>,
            {
                $crate::take(deserializer)
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $Name {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: $crate::__private::serde::Deserializer<'de>,
            {
                <Self as $crate::Lenient>::lenient(deserializer)?.ok_or_else(|| {
                    <D::Error as $crate::__private::serde::de::Error>::custom(::core::concat!(
                        "expected an object (", ::core::stringify!($Name), ")"
                    ))
                })
            }
        }
    };
}

/// What becomes of a member without a field.
#[doc(hidden)]
#[macro_export]
macro_rules! __unknown {
    ($key:ident, $map:ident) => {{
        let _ = $key;
        $map.next_value::<$crate::__private::serde::de::IgnoredAny>()?;
    }};
    ($key:ident, $map:ident, $view:ident.$extra:ident) => {
        $view.$extra.collect($key, &mut $map)?
    };
}

/// What a type takes of the kinds of JSON values; everything else is none. For [`take`].
pub trait Take<'de>: Sized {
    /// `true` or `false`.
    fn flag(_: bool) -> Option<Self> {
        None
    }

    /// A whole number that is not negative.
    fn whole(_: u64) -> Option<Self> {
        None
    }

    /// A number with a fraction or an exponent.
    fn float(_: f64) -> Option<Self> {
        None
    }

    /// A string.
    fn text(_: &str) -> Option<Self> {
        None
    }

    /// A list.
    ///
    /// # Errors
    /// The text is no JSON.
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    /// An object.
    ///
    /// # Errors
    /// The text is no JSON.
    fn object<M: MapAccess<'de>>(mut map: M) -> Result<Option<Self>, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// Reads the next value for a type that says what it takes.
///
/// # Errors
/// The text is no JSON.
pub fn take<'de, T: Take<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Taker(PhantomData))
}

struct Taker<T>(PhantomData<T>);

impl<'de, T: Take<'de>> Visitor<'de> for Taker<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<Option<T>, E> {
        Ok(T::flag(flag))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Option<T>, E> {
        Ok(T::whole(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Option<T>, E> {
        Ok(u64::try_from(number).ok().and_then(T::whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Option<T>, E> {
        Ok(T::float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        Ok(T::text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Option<T>, A::Error> {
        T::list(list)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Option<T>, M::Error> {
        T::object(map)
    }
}

impl Take<'_> for String {
    fn text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Take<'_> for bool {
    fn flag(flag: bool) -> Option<Self> {
        Some(flag)
    }
}

impl Take<'_> for u64 {
    fn whole(number: u64) -> Option<Self> {
        Some(number)
    }
}

impl Take<'_> for u32 {
    fn whole(number: u64) -> Option<Self> {
        number.try_into().ok()
    }
}

impl Take<'_> for u16 {
    fn whole(number: u64) -> Option<Self> {
        number.try_into().ok()
    }
}

impl Take<'_> for usize {
    fn whole(number: u64) -> Option<Self> {
        number.try_into().ok()
    }
}

/// A list with an element of another type is none: places count.
impl<'de, T: Lenient> Take<'de> for Vec<T> {
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Option<Self>, A::Error> {
        let mut found = Some(Self::new());
        while let Some(element) = list.next_element::<Found<T>>()? {
            found = found.zip(element.0).map(|(mut found, element)| {
                found.push(element);
                found
            });
        }
        Ok(found)
    }
}

macro_rules! lenient {
    ($($Type:ty),*) => {
        $(impl Lenient for $Type {
            fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
                take(deserializer)
            }
        })*
    };
}

lenient!(String, bool, u64, u32, u16, usize);

impl<T: Lenient> Lenient for Vec<T> {
    fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        take(deserializer)
    }
}

/// As it stands in the text; `null` is none.
impl Lenient for Box<RawValue> {
    fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        Option::deserialize(deserializer)
    }
}

/// The value that a text has, or none.
pub struct Found<T>(pub Option<T>);

impl<'de, T: Lenient> Deserialize<'de> for Found<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::lenient(deserializer).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    crate::lenient_view! {
        #[derive(Debug, Default)]
        struct All {
            text: String,
            flag: bool,
            number: u64,
            small: u32,
            raw as "as it is": Box<RawValue>,
            list: Vec<Self>,
            ..extra
        }
    }

    fn read(text: &str) -> All {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn values_of_the_right_type() {
        let all = read(
            r#"{"text":"a\"b","flag":false,"number":7,"small":1,"as it is":[1.0, 2],"list":[{},{"number":1}],"x":{"y":null}}"#,
        );
        assert_eq!(
            (all.text.as_deref(), all.flag, all.number, all.small),
            (Some("a\"b"), Some(false), Some(7), Some(1))
        );
        assert_eq!(all.raw.unwrap().get(), "[1.0, 2]");
        assert_eq!(all.list.unwrap()[1].number, Some(1));
        assert_eq!(all.extra.get("x").unwrap().get(), r#"{"y":null}"#);
    }

    #[test]
    fn values_of_every_other_type_are_none_and_what_follows_is_read() {
        let values =
            ["null", "true", "-1", "1.5", "99999999999", r#""s""#, r#"[1,["x"],{}]"#, r#"{"a":[{"b":1}]}"#];
        for value in values {
            let text = format!(
                r#"{{"text":{value},"flag":{value},"number":{value},"small":{value},"list":{value},"as it is":{value},"list":[{value}],"last":1}}"#
            );
            let all = read(&text);
            assert_eq!(all.text.is_some(), value.starts_with('"'), "{value}");
            assert_eq!(all.flag.is_some(), value == "true", "{value}");
            assert_eq!(all.number.is_some(), value == "99999999999", "{value}");
            assert!(all.small.is_none(), "{value}");
            assert_eq!(all.raw.is_some(), value != "null", "{value}");
            assert_eq!(all.list.is_some(), value.starts_with('{'), "{value}");
            assert!(all.extra.contains("last"));
        }
    }

    #[test]
    fn broken_texts_are_errors() {
        for text in ["", "[]", "1", r#"{"text":"a"#, r#"{"list":[{}}"#, r#"{"flag":tru}"#, r#"{"x":[}"#] {
            assert!(serde_json::from_str::<All>(text).is_err(), "{text}");
        }
    }
}
