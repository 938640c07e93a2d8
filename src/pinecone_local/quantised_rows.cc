#include "pinecone_local/quantised_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "pinecone_local/kernels.h"

namespace rehome::pinecone_local {
namespace {

constexpr float kCodeMax = 127;
constexpr float kInfinite = std::numeric_limits<float>::infinity();
/// Outside of these, products of floats underflow or overflow: such a vector is never ruled out.
constexpr float kScaleMin = 1e-15F;
constexpr float kScaleMax = 1e15F;
/// What is rounded to float or summed up in double is well within this, relatively.
constexpr double kRoundUp = 1 + 1e-6;

std::size_t PaddedDimension(std::size_t dimension) {
  return (dimension + kCodesStride - 1) / kCodesStride * kCodesStride;
}

/// Writes the codes (room for PaddedDimension) and returns the bound.
RowBound Quantise(std::span<const float> values, double norm, std::int8_t* codes) {
  const Kernels& kernels = BestKernels();
  std::memset(codes, 0, PaddedDimension(values.size()));
  const float largest = kernels.largest(values.data(), values.size());
  const float scale = largest / kCodeMax;
  RowBound bound{.scale = 0, .residual = kInfinite, .norm = static_cast<float>(norm)};
  if (scale <= kScaleMin || scale >= kScaleMax) {
    return bound;
  }
  kernels.encode(values.data(), values.size(), kCodeMax / largest, codes);
  bound.scale = scale;
  bound.residual = static_cast<float>(
      kRoundUp * std::sqrt(kernels.squared_residual(values.data(), codes, values.size(), scale)));
  return bound;
}

}  // namespace

QuantisedQuery::QuantisedQuery(std::span<const float> values, double norm)
    : codes_(PaddedDimension(values.size())),
      norm_(norm * kRoundUp),
      rounding_(kRoundUp - 1 +
                static_cast<double>(values.size()) *
                    static_cast<double>(std::numeric_limits<float>::epsilon())) {
  const RowBound bound = Quantise(values, norm, codes_.data());
  scale_ = static_cast<double>(bound.scale);
  residual_ = static_cast<double>(bound.residual);
}

QuantisedQuery::Estimate QuantisedQuery::DotWith(const std::int8_t* codes,
                                                 const RowBound& row) const {
  const double residual = static_cast<double>(row.residual);
  const double norm = static_cast<double>(row.norm) * kRoundUp;
  const auto dot =
      static_cast<double>(BestKernels().dot_codes(codes_.data(), codes, codes_.size()));
  return {.dot = scale_ * static_cast<double>(row.scale) * dot,
          .error = norm_ * residual + residual_ * (norm + residual) + rounding_ * norm_ * norm};
}

std::int8_t* QuantisedRows::Room(std::size_t row) {
  if (row / kBlockRows == blocks_.size()) {
    blocks_.push_back(std::make_unique_for_overwrite<std::int8_t[]>(kBlockRows * stride_));
  }
  return blocks_[row / kBlockRows].get() + (row % kBlockRows) * stride_;
}

void QuantisedRows::Set(std::size_t row, std::span<const float> values, double norm) {
  if (dimension_ == 0 && !values.empty()) {
    dimension_ = values.size();
    stride_ = PaddedDimension(dimension_);
    blocks_.clear();  // of rows without values, which need none
    while (blocks_.size() * kBlockRows < bounds_.size()) {
      static_cast<void>(Room(blocks_.size() * kBlockRows));
    }
  }
  if (row == bounds_.size()) {
    bounds_.emplace_back();
  }
  std::int8_t* const codes = Room(row);
  bounds_[row] = values.size() == dimension_ && dimension_ != 0
                     ? Quantise(values, norm, codes)
                     : RowBound{.scale = 0, .residual = kInfinite, .norm = 0};
}

void QuantisedRows::RemoveSwap(std::size_t row) {
  const std::size_t last = bounds_.size() - 1;
  if (row != last) {
    bounds_[row] = bounds_[last];
    std::memcpy(Room(row), codes(last), stride_);
  }
  bounds_.pop_back();
  if (bounds_.size() % kBlockRows == 0) {
    blocks_.resize(bounds_.size() / kBlockRows);
  }
}

void QuantisedRows::Clear() {
  *this = QuantisedRows();
}

}  // namespace rehome::pinecone_local
