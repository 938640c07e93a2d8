#pragma once
// kernels.h — the inner loops, in the widest form that this processor has; chosen once, at the
// first call.
#include <cstddef>
#include <cstdint>

namespace rehome::pinecone_local {

/// Codes are padded with zeros to a multiple of this.
inline constexpr std::size_t kCodesStride = 64;

struct Kernels {
  /// Sum of products.
  double (*dot)(const float* a, const float* b, std::size_t count);
  /// Sum of squared differences.
  double (*squared_distance)(const float* a, const float* b, std::size_t count);
  /// Sum of products of codes in -127..127; `count` is a multiple of kCodesStride.
  std::int32_t (*dot_codes)(const std::int8_t* a, const std::int8_t* b, std::size_t count);
  /// codes[i] = values[i] * factor, rounded; each product is within -127..127 but for rounding.
  void (*encode)(const float* values, std::size_t count, float factor, std::int8_t* codes);
  /// Sum of (values[i] - scale * codes[i])².
  double (*squared_residual)(const float* values, const std::int8_t* codes, std::size_t count,
                             float scale);
  /// The largest |value|.
  float (*largest)(const float* values, std::size_t count);
};

[[nodiscard]] const Kernels& BestKernels();
/// What every processor has; the best ones are tested against them.
[[nodiscard]] const Kernels& PortableKernels();

}  // namespace rehome::pinecone_local
