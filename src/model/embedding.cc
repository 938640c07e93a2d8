#include "model/embedding.h"

#include <fmt/format.h>

#include "base/digest.h"

namespace rehome {

std::string EmbeddingContract::Hash() const {
  // Each text carries its length, so that no two contracts can be written alike.
  const auto text = [](const std::string& field) {
    return fmt::format("{}:{},", field.size(), field);
  };
  return Md5(fmt::format("embedding contract 1:{}{}{}{}{},{}", text(provider), text(model),
                         text(metric), text(text_template), dimension, normalised))
      .Hex();
}

}  // namespace rehome
