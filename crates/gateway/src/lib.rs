//! The data plane: listener, the stack, surfaces.
