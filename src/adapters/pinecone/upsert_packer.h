#pragma once
// upsert_packer.h — records as the bodies of as few upsert requests as the limits allow. Private to
// this folder.
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/vector_record.h"

namespace rehome {

class UpsertPacker {
 public:
  /// Borrows `records`. Of records with one id only the last is packed.
  UpsertPacker(std::string_view ns, std::span<const VectorRecord> records);

  struct Body {
    std::string text;
    std::size_t count = 0;  // records in it
  };
  /// The next body; nothing at the end. kInvalidArgument names the record that no request may hold.
  [[nodiscard]] Result<std::optional<Body>> Next();

 private:
  const std::string head_;
  std::vector<const VectorRecord*> records_;
  std::size_t next_ = 0;
  const std::size_t bytes_expected_;
};

/// kInvalidArgument for names that no tenant's namespace may have, the default's included.
[[nodiscard]] Status ValidateNamespace(std::string_view ns);

/// JSON string literal.
[[nodiscard]] std::string Quoted(std::string_view text);

}  // namespace rehome
