#pragma once
// float_text.h — float32 as JSON text, fast: vectors are what an upsert's time goes into. Private
// to this folder.
#include <cstddef>
#include <span>
#include <string>

namespace rehome {

/// Enough for any finite float32.
inline constexpr std::size_t kFloatTextBytesMax = 16;

/// Writes a finite float at `out` (room for kFloatTextBytesMax) so that reading it as a double and
/// rounding gives the same bits; returns the end. Nine significant digits in [1e-4, 1), which is
/// where embeddings live; the shortest form elsewhere.
[[nodiscard]] char* PutFloat(char* out, float value);

/// Appends "[v,v,…]".
void AppendFloats(std::string& out, std::span<const float> values);

}  // namespace rehome
