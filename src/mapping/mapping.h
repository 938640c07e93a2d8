#pragma once
// mapping.h — route → map → validate: what becomes of one source document. Pure: the same plan and
// the same bytes give the same item on every machine, at any time.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/document.h"
#include "model/tenant.h"
#include "model/vector_record.h"
#include "plan/load.h"
#include "plan/plan.h"

namespace rehome {

/// Why a document could not be moved; stable codes, printed and journaled.
enum class QuarantineReason : std::uint8_t {
  kNoTenant,          // no rule of tenants.assign matched
  kUnknownTenant,     // the rule names an organization or profile that the plan does not have
  kMappingFailed,     // a jq program failed or ran past its time
  kSchema,            // the item breaks items.schema
  kTooLarge,          // the item is over 16 MiB
  kMetadataTooLarge,  // its vector's metadata is over 40,960 bytes
  kIdConflict,        // its item_id or another unique key is taken by another document
  kEmbedding,         // the embedder refuses its text
};
[[nodiscard]] std::string_view Name(QuarantineReason reason);
[[nodiscard]] std::optional<QuarantineReason> QuarantineReasonOf(std::string_view name);

struct Item {
  Document document;  // _id, item_id, org_id, profile_id, mapped fields, is_embedded: false,
                      // embedding_id: null
  std::string item_id;
  TenantRef tenant;
};

struct Unmappable {
  QuarantineReason reason;
  std::string detail;  // which rule, which field, which keyword
};

/// How one field came about, for `explain` and `plan`'s samples.
struct FieldTrace {
  std::string field;
  std::string rule;    // "first_non_empty: job_title"
  std::string before;  // relaxed Extended JSON of what was read
  std::string after;
};

using Mapped = std::variant<Item, Unmappable>;

/// The mistakes in jq programs and in the schema of `items`, all of them.
[[nodiscard]] std::vector<PlanProblem> MappingProblems(const ItemsPlan& items);

/// Compiled once from a plan (jq programs, schema); Map() is safe from several threads.
class Mapper {
 public:
  /// kInvalidArgument: a jq program does not compile or uses what is not allowed; a schema is
  /// malformed.
  [[nodiscard]] static Result<Mapper> Compile(const Plan& plan);  // keeps a reference to `plan`
  Mapper(Mapper&&) noexcept;
  Mapper& operator=(Mapper&&) noexcept;
  ~Mapper();

  [[nodiscard]] Mapped Map(DocumentView source) const;
  /// The same with how it came about; `tenant_rule` names the rule of tenants.assign that matched.
  struct Trace {
    std::string tenant_rule;
    std::vector<FieldTrace> fields;
  };
  [[nodiscard]] Mapped Map(DocumentView source, Trace& trace) const;
  /// Checks an item that the application wrote after cutover against items.schema.
  [[nodiscard]] std::optional<std::string> SchemaViolation(DocumentView item) const;
  /// All rules of tenants.assign that match (more than one: a routing ambiguity for `plan`).
  [[nodiscard]] std::vector<std::size_t> MatchingRules(DocumentView source) const;

  /// The text that is embedded for an item (index.text rendered).
  [[nodiscard]] std::string Text(DocumentView item) const;
  /// Its vector's metadata with the stamps; `values` are the vector's.
  [[nodiscard]] Metadata VectorMetadata(DocumentView item, std::string_view contract_hash,
                                        const std::vector<float>& values) const;
  /// Upper bound of MetadataJson's size before the values are known: Map() quarantines over
  /// kMetadataBytesMax.

 private:
  struct Compiled;
  explicit Mapper(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

/// Counts every source field that the mapping does not carry, or coerces, by path and type, with up
/// to 3 examples. Memory is bounded: paths over `kPathsMax` are counted together as "(more paths)".
class LossLedger {
 public:
  static constexpr std::size_t kPathsMax = 2000;
  struct Entry {
    std::string path;
    std::string type;  // $type alias
    std::string how;   // not_carried, dropped (intended), truncated, coerced
    std::uint64_t count = 0;
    std::vector<std::string> examples;  // relaxed Extended JSON, cut at 80 bytes
  };
  explicit LossLedger(const ItemsPlan& items);  // keeps a reference
  ~LossLedger();
  void Add(DocumentView source);
  [[nodiscard]] std::vector<Entry> Entries() const;  // by path, then type

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace rehome
