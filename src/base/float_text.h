#pragma once
// float_text.h — float32 as JSON text and back, fast: that is what most of an upsert's time goes
// into. Whatever is written here is read back to the same 32 bits, here and by every reader that
// goes through a double.
#include <cstddef>
#include <span>
#include <string>

namespace rehome {

/// Enough for any finite float32.
inline constexpr std::size_t kFloatTextBytesMax = 16;

/// Writes a finite float at `out` (room for kFloatTextBytesMax); returns the end. Nine significant
/// digits without trailing zeros in [1e-4, 1), which is where embeddings live; the shortest form
/// elsewhere.
[[nodiscard]] char* PutFloat(char* out, float value);

/// Appends "[v,v,…]".
void AppendFloats(std::string& out, std::span<const float> values);

/// Reads the JSON number that stands at `begin`: the nearest float32, ties to even, whatever the
/// number of digits. Returns the end of the number; null if none stands there or it is beyond
/// float32. What is too small for a float32 is a zero of its sign.
[[nodiscard]] const char* ReadFloat(const char* begin, const char* end, float& value);

}  // namespace rehome
