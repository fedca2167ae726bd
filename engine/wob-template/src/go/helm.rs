//! The functions of Helm that render templates or stop a render.

use crate::{Context, Function, FunctionError, Functions, Value};

/// Returns `include`, `tpl`, `required` and `fail`.
pub fn helm_functions() -> Functions {
    Functions::from([
        ("fail", Function::Pure { body: fail, min: 1, max: 1 }),
        ("include", Function::Contextual { body: include, min: 2, max: 2 }),
        ("required", Function::Pure { body: required, min: 2, max: 2 }),
        ("tpl", Function::Contextual { body: tpl, min: 2, max: 2 }),
    ])
}

fn fail(arguments: &[Value]) -> Result<Value, FunctionError> {
    Err(FunctionError(text(arguments, 0)?.to_owned()))
}

fn include(context: &mut dyn Context, arguments: &[Value]) -> Result<Value, FunctionError> {
    let data = arguments.get(1).unwrap_or(&Value::Nil);
    context.include(text(arguments, 0)?, data).map(Value::from)
}

fn tpl(context: &mut dyn Context, arguments: &[Value]) -> Result<Value, FunctionError> {
    let data = arguments.get(1).unwrap_or(&Value::Nil);
    context.tpl(text(arguments, 0)?, data).map(Value::from)
}

/// Returns its second argument, unless that is nil or an empty text.
fn required(arguments: &[Value]) -> Result<Value, FunctionError> {
    let message = text(arguments, 0)?;
    match arguments.get(1) {
        None | Some(Value::Nil) => Err(FunctionError(message.to_owned())),
        Some(Value::String(it)) if it.is_empty() => Err(FunctionError(message.to_owned())),
        Some(value) => Ok(value.clone()),
    }
}

fn text(arguments: &[Value], index: usize) -> Result<&str, FunctionError> {
    match arguments.get(index) {
        Some(Value::String(it)) => Ok(it),
        _ => Err(FunctionError(format!("argument {} must be a text", index + 1))),
    }
}
