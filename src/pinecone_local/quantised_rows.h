#pragma once
// quantised_rows.h — a byte for each value of many vectors, in memory and in order, with a proved
// bound on what the rounding costs: most vectors are ruled out of a search without their floats
// being read.
//
// A vector x is stored as scale * c + e, c in -127..127. For a query q = s * d + f likewise,
//   |q·x - s * scale * (d·c)|  =  |q·e + f·(scale * c)|  <=  |q| |e| + |f| (|x| + |e|).
// The norms are kept per row, rounded up; d·c is exact.
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace rehome::pinecone_local {

struct RowBound {
  float scale = 0;
  float residual = 0;  // |e| or more
  float norm = 0;      // |x|, to a relative 1e-6
};

/// A query beside which rows are judged.
class QuantisedQuery {
 public:
  QuantisedQuery(std::span<const float> values, double norm);

  struct Estimate {
    double dot = 0;
    double error = 0;  // the dot product, also as summed up in float, is within `dot` ± this
  };
  [[nodiscard]] Estimate DotWith(const std::int8_t* codes, const RowBound& row) const;
  /// Relative error of a sum of squares of this dimension in float.
  [[nodiscard]] double rounding() const { return rounding_; }

 private:
  std::vector<std::int8_t> codes_;
  double scale_ = 0;
  double residual_ = 0;
  double norm_ = 0;
  double rounding_ = 0;
};

class QuantisedRows {
 public:
  /// Sets row `row`, which exists or is the next one. The first row with values fixes the
  /// dimension; a row of another has an infinite residual.
  void Set(std::size_t row, std::span<const float> values, double norm);
  /// The last row takes the place of `row`.
  void RemoveSwap(std::size_t row);
  void Clear();

  [[nodiscard]] std::size_t size() const { return bounds_.size(); }
  [[nodiscard]] const RowBound& bound(std::size_t row) const { return bounds_[row]; }
  [[nodiscard]] const std::int8_t* codes(std::size_t row) const {
    return blocks_[row / kBlockRows].get() + (row % kBlockRows) * stride_;
  }
  [[nodiscard]] std::size_t dimension() const { return dimension_; }

 private:
  static constexpr std::size_t kBlockRows = 1024;  // growing copies nothing
  using Block = std::unique_ptr<std::int8_t[]>;  // NOLINT(*-avoid-c-arrays): left unset on purpose
  [[nodiscard]] std::int8_t* Room(std::size_t row);

  std::size_t dimension_ = 0;
  std::size_t stride_ = 0;  // bytes of a row's codes
  std::vector<RowBound> bounds_;
  std::vector<Block> blocks_;
};

}  // namespace rehome::pinecone_local
