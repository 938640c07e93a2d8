#include "pinecone_local/kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rehome::pinecone_local {
namespace {

constexpr std::size_t kLanes = 4;
constexpr std::size_t kChains = 4;
/// Four floats that the compiler keeps in vector registers without being allowed to reorder sums by
/// itself.
using Lanes [[gnu::vector_size(kLanes * sizeof(float))]] = float;

/// Adds up `term(a, b)` over both vectors: four chains of four lanes, then the rest.
template <class Term>
double Accumulate(const float* a, const float* b, std::size_t count, Term term) {
  std::array<Lanes, kChains> sums{};
  std::size_t at = 0;
  for (; at + kChains * kLanes <= count; at += kChains * kLanes) {
    for (std::size_t chain = 0; chain < kChains; ++chain) {
      Lanes left;
      Lanes right;
      std::memcpy(&left, a + at + chain * kLanes, sizeof left);
      std::memcpy(&right, b + at + chain * kLanes, sizeof right);
      sums[chain] += term(left, right);
    }
  }
  double total = 0;
  for (const Lanes& sum : sums) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      total += static_cast<double>(sum[lane]);
    }
  }
  for (; at < count; ++at) {
    total += static_cast<double>(term(a[at], b[at]));
  }
  return total;
}

double DotPortable(const float* a, const float* b, std::size_t count) {
  return Accumulate(a, b, count, [](const auto& left, const auto& right) { return left * right; });
}

double SquaredDistancePortable(const float* a, const float* b, std::size_t count) {
  return Accumulate(a, b, count, [](const auto& left, const auto& right) {
    const auto difference = left - right;
    return difference * difference;
  });
}

std::int32_t DotCodesPortable(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

void EncodePortable(const float* values, std::size_t count, float factor, std::int8_t* codes) {
  for (std::size_t i = 0; i < count; ++i) {
    codes[i] = static_cast<std::int8_t>(std::lrint(values[i] * factor));
  }
}

double SquaredResidualPortable(const float* values, const std::int8_t* codes, std::size_t count,
                               float scale) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double residual =
        static_cast<double>(values[i]) - static_cast<double>(scale) * static_cast<double>(codes[i]);
    sum += residual * residual;
  }
  return sum;
}

float LargestPortable(const float* values, std::size_t count) {
  float largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    largest = std::max(largest, std::abs(values[i]));
  }
  return largest;
}

constexpr Kernels kPortable{.dot = DotPortable,
                            .squared_distance = SquaredDistancePortable,
                            .dot_codes = DotCodesPortable,
                            .encode = EncodePortable,
                            .squared_residual = SquaredResidualPortable,
                            .largest = LargestPortable};

#if defined(__x86_64__)

constexpr std::size_t kWide = 8;  // floats in a register of AVX2

// Intrinsics take their memory operands as pointers to register types.
[[gnu::target("avx2,fma")]] __m256i LoadCodes(const std::int8_t* codes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes));
}

[[gnu::target("avx2,fma")]] double SumOf(__m256 a, __m256 b, __m256 c, __m256 d) {
  const __m256 sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
  const __m256d wide = _mm256_add_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(sum)),
                                     _mm256_cvtps_pd(_mm256_extractf128_ps(sum, 1)));
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(wide), _mm256_extractf128_pd(wide, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

[[gnu::target("avx2,fma")]] double DotAvx2(const float* a, const float* b, std::size_t count) {
  __m256 sum0 = _mm256_setzero_ps();
  __m256 sum1 = _mm256_setzero_ps();
  __m256 sum2 = _mm256_setzero_ps();
  __m256 sum3 = _mm256_setzero_ps();
  std::size_t at = 0;
  for (; at + 4 * kWide <= count; at += 4 * kWide) {
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + at), _mm256_loadu_ps(b + at), sum0);
    sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + at + kWide), _mm256_loadu_ps(b + at + kWide), sum1);
    sum2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + at + 2 * kWide), _mm256_loadu_ps(b + at + 2 * kWide),
                           sum2);
    sum3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + at + 3 * kWide), _mm256_loadu_ps(b + at + 3 * kWide),
                           sum3);
  }
  double total = SumOf(sum0, sum1, sum2, sum3);
  for (; at < count; ++at) {
    total += static_cast<double>(a[at] * b[at]);
  }
  return total;
}

[[gnu::target("avx2,fma")]] double SquaredDistanceAvx2(const float* a, const float* b,
                                                       std::size_t count) {
  __m256 sum0 = _mm256_setzero_ps();
  __m256 sum1 = _mm256_setzero_ps();
  std::size_t at = 0;
  for (; at + 2 * kWide <= count; at += 2 * kWide) {
    const __m256 apart0 = _mm256_sub_ps(_mm256_loadu_ps(a + at), _mm256_loadu_ps(b + at));
    const __m256 apart1 =
        _mm256_sub_ps(_mm256_loadu_ps(a + at + kWide), _mm256_loadu_ps(b + at + kWide));
    sum0 = _mm256_fmadd_ps(apart0, apart0, sum0);
    sum1 = _mm256_fmadd_ps(apart1, apart1, sum1);
  }
  double total = SumOf(sum0, sum1, _mm256_setzero_ps(), _mm256_setzero_ps());
  for (; at < count; ++at) {
    const float apart = a[at] - b[at];
    total += static_cast<double>(apart * apart);
  }
  return total;
}

[[gnu::target("avx2,fma")]] std::int32_t SumOf(__m256i sums) {
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  half = _mm_add_epi32(half, _mm_unpackhi_epi64(half, half));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 1));
  return _mm_cvtsi128_si32(half);
}

/// Products of bytes come in pairs of 16 bits: 2 * 127 * 127 fits.
[[gnu::target("avx2,fma")]] __m256i AddProducts(__m256i sums, __m256i a, __m256i b) {
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(b, a));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

[[gnu::target("avx2,fma")]] std::int32_t DotCodesAvx2(const std::int8_t* a, const std::int8_t* b,
                                                      std::size_t count) {
  __m256i sums0 = _mm256_setzero_si256();
  __m256i sums1 = _mm256_setzero_si256();
  for (std::size_t at = 0; at < count; at += kCodesStride) {
    constexpr std::size_t kHalf = kCodesStride / 2;
    sums0 = AddProducts(sums0, LoadCodes(a + at), LoadCodes(b + at));
    sums1 = AddProducts(sums1, LoadCodes(a + at + kHalf), LoadCodes(b + at + kHalf));
  }
  return SumOf(_mm256_add_epi32(sums0, sums1));
}

[[gnu::target("avx2,fma")]] void EncodeAvx2(const float* values, std::size_t count, float factor,
                                            std::int8_t* codes) {
  const __m256 factors = _mm256_set1_ps(factor);
  std::size_t at = 0;
  for (; at + kWide <= count; at += kWide) {
    const __m256i wide = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(values + at), factors));
    const __m128i words =
        _mm_packs_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    const std::int64_t bytes = _mm_cvtsi128_si64(_mm_packs_epi16(words, words));
    std::memcpy(codes + at, &bytes, sizeof bytes);
  }
  EncodePortable(values + at, count - at, factor, codes + at);
}

[[gnu::target("avx2,fma")]] double SquaredResidualAvx2(const float* values,
                                                       const std::int8_t* codes, std::size_t count,
                                                       float scale) {
  const __m256d scales = _mm256_set1_pd(static_cast<double>(scale));
  __m256d sum0 = _mm256_setzero_pd();
  __m256d sum1 = _mm256_setzero_pd();
  std::size_t at = 0;
  for (; at + kWide <= count; at += kWide) {
    std::int64_t bytes = 0;
    std::memcpy(&bytes, codes + at, sizeof bytes);
    const __m256i wide = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(bytes));
    const __m256d apart0 =
        _mm256_fnmadd_pd(scales, _mm256_cvtepi32_pd(_mm256_castsi256_si128(wide)),
                         _mm256_cvtps_pd(_mm_loadu_ps(values + at)));
    const __m256d apart1 =
        _mm256_fnmadd_pd(scales, _mm256_cvtepi32_pd(_mm256_extracti128_si256(wide, 1)),
                         _mm256_cvtps_pd(_mm_loadu_ps(values + at + kWide / 2)));
    sum0 = _mm256_fmadd_pd(apart0, apart0, sum0);
    sum1 = _mm256_fmadd_pd(apart1, apart1, sum1);
  }
  const __m256d sum = _mm256_add_pd(sum0, sum1);
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
  return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half))) +
         SquaredResidualPortable(values + at, codes + at, count - at, scale);
}

[[gnu::target("avx2,fma")]] float LargestAvx2(const float* values, std::size_t count) {
  const __m256 sign = _mm256_set1_ps(-0.0F);
  __m256 largest = _mm256_setzero_ps();
  std::size_t at = 0;
  for (; at + kWide <= count; at += kWide) {
    largest = _mm256_max_ps(largest, _mm256_andnot_ps(sign, _mm256_loadu_ps(values + at)));
  }
  std::array<float, kWide> lanes{};
  _mm256_storeu_ps(lanes.data(), largest);
  return std::max(*std::ranges::max_element(lanes), LargestPortable(values + at, count - at));
}

constexpr Kernels kAvx2{.dot = DotAvx2,
                        .squared_distance = SquaredDistanceAvx2,
                        .dot_codes = DotCodesAvx2,
                        .encode = EncodeAvx2,
                        .squared_residual = SquaredResidualAvx2,
                        .largest = LargestAvx2};

#endif

}  // namespace

const Kernels& PortableKernels() {
  return kPortable;
}

const Kernels& BestKernels() {
#if defined(__x86_64__)
  static const Kernels& best =
      __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0 ? kAvx2 : kPortable;
  return best;
#else
  return kPortable;
#endif
}

}  // namespace rehome::pinecone_local
