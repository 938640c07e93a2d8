#include "cli/explanation.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/id_argument.h"
#include "model/extended_json.h"
#include "model/fields.h"
#include "model/item.h"

namespace rehome::cli {
namespace {

constexpr std::string_view kIdPlaceholder = "{_id}";
constexpr std::string_view kStringIdTag = "s~";

/// The source ids whose item_id `item_id` may be, by undoing the plan's pattern.
std::vector<Value> IdsOfItem(const ItemsPlan& items, const std::string& item_id) {
  const std::size_t at = items.id.find(kIdPlaceholder);
  if (at == std::string::npos) {
    return {};
  }
  const std::string_view before = std::string_view(items.id).substr(0, at);
  const std::string_view after = std::string_view(items.id).substr(at + kIdPlaceholder.size());
  std::string_view middle = item_id;
  if (!middle.starts_with(before) || !middle.ends_with(after) ||
      middle.size() < before.size() + after.size()) {
    return {};
  }
  middle = middle.substr(before.size(), middle.size() - before.size() - after.size());
  std::vector<Value> out =
      IdsNamed(middle.starts_with(kStringIdTag) ? middle.substr(kStringIdTag.size())
               : middle.starts_with("n~")       ? middle.substr(2)
                                                : middle);
  std::erase_if(out, [&](const Value& id) { return ItemId(items.id, id.view()) != item_id; });
  return out;
}

class Inquiry {
 public:
  Inquiry(const ReadSession& read, const Deps& deps)
      : read_(read),
        deps_(deps),
        plan_(*read.compiled->plan),
        mapper_(read.compiled->mapper),
        stores_(deps.stores),
        call_{.stop = deps.stop} {}

  Result<Explanation> Make(const std::string& id) {
    REHOME_TRY(Locate(id));
    REHOME_TRY(Quarantined());
    MapSource();
    REHOME_TRY(JudgeItem());
    REHOME_TRY(FindVector());
    Conclude();
    return std::move(out_);
  }

 private:
  Status Locate(const std::string& id) {
    REHOME_TRY_ASSIGN(const auto items,
                      stores_.target_documents->FindByField(
                          plan_.items.to, "item_id", std::vector{Value::String(id)}, 1, call_));
    std::vector<Value> candidates;
    if (!items.empty()) {
      candidates.emplace_back(items.front().Id());
    } else {
      candidates = IdsOfItem(plan_.items, id);
      std::ranges::move(IdsNamed(id), std::back_inserter(candidates));
    }
    REHOME_TRY_ASSIGN(auto sources,
                      stores_.source_documents->FindByIds(plan_.items.from, candidates, call_));
    REHOME_TRY_ASSIGN(auto found,
                      stores_.target_documents->FindByIds(plan_.items.to, candidates, call_));
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (sources[i] || found[i]) {
        out_.source_id = sources[i] ? Value(sources[i]->Id()) : Value(found[i]->Id());
        out_.source = std::move(sources[i]);
        out_.item = std::move(found[i]);
        return {};
      }
    }
    return NotFound(id);
  }

  [[nodiscard]] std::unexpected<Error> NotFound(const std::string& id) const {
    return Fail(
        ErrorCode::kFailedPrecondition,
        fmt::format("neither {} nor {} holds {}", plan_.items.from, plan_.items.to, id),
        fmt::format(
            R"(name an item_id ({}), an org_id or profile_id of the plan, or a source _id: Extended JSON such as {{"$oid":"…"}} or 7, a hexadecimal ObjectId, or a string; `rehome quarantine list` names what was put aside)",
            plan_.items.id));
  }

  Status Quarantined() {
    if (!read_.run) {
      return {};
    }
    REHOME_TRY_ASSIGN(
        out_.quarantined,
        Quarantine(*stores_.target_documents, read_.run->run_id).Find(out_.source_id, call_));
    return {};
  }

  void MapSource() {
    if (!out_.source) {
      return;
    }
    out_.matching_rules = mapper_.MatchingRules(out_.source->view());
    out_.mapped = mapper_.Map(out_.source->view(), out_.trace);
    if (const Item* item = Desired()) {
      out_.item_id = item->item_id;
    }
  }

  Status JudgeItem() {
    if (out_.item) {
      out_.item_id = StringField(out_.item->view(), "item_id");
      REHOME_TRY_ASSIGN(out_.item_owner,
                        OwnerOf(read_, deps_, {LedgerTarget::Store::kDocuments, plan_.items.to},
                                out_.source_id, DocumentDigest(out_.item->view())));
    }
    const Document* shown = out_.item              ? &*out_.item
                            : Desired() != nullptr ? &Desired()->document
                                                   : nullptr;
    if (shown == nullptr) {
      return {};
    }
    out_.text = mapper_.Text(shown->view());
    const std::string org_id = StringField(shown->view(), "org_id");
    if (read_.run && read_.run->namespaces.contains(org_id)) {
      out_.ns = read_.run->namespaces.find(org_id)->second;
    } else if (plan_.FindOrganization(org_id) != nullptr) {
      out_.ns = plan_.NamespaceOf(org_id).name();
    }
    return {};
  }

  Status FindVector() {
    if (out_.ns.empty() || out_.item_id.empty()) {
      return {};
    }
    REHOME_TRY_ASSIGN(auto records,
                      stores_.target_vectors->Fetch(out_.ns, std::vector{out_.item_id}, call_));
    if (records.empty()) {
      return {};
    }
    out_.vector = std::move(records.front());
    REHOME_TRY_ASSIGN(out_.vector_owner,
                      OwnerOf(read_, deps_, {LedgerTarget::Store::kVectors, out_.ns},
                              Value::String(out_.item_id), VectorDigest(*out_.vector)));
    return {};
  }

  void Conclude() {
    if (!read_.run) {
      return;
    }
    ConcludeCounts();
    if (out_.item) {
      ConcludeItem();
      ConcludeEmbedding();
    }
    if (out_.vector && out_.item) {
      ConcludeVector();
    }
  }

  void Say(std::string check, bool passed, std::string detail) {
    out_.findings.push_back({std::move(check), passed, std::move(detail)});
  }

  void ConcludeCounts() {
    if (!out_.source && ChangedByApplication()) {
      Say("counts", true, "the application made it after the cutover");
      return;
    }
    if (!out_.source) {
      Say("counts", false,
          "an item without a source document: deleted at the source, or not carried yet");
      return;
    }
    const bool one = out_.item.has_value() != out_.quarantined.has_value();
    Say("counts", one,
        out_.item ? (one ? "is an item" : "is an item and in quarantine")
                  : (one ? "is in quarantine" : "is neither an item nor in quarantine"));
  }

  void ConcludeItem() {
    const DocumentView item = out_.item->view();
    const std::string org_id = StringField(item, "org_id");
    const Profile* profile = plan_.FindProfile(StringField(item, "profile_id"));
    const bool known = plan_.FindOrganization(org_id) != nullptr && profile != nullptr &&
                       profile->org_id == org_id;
    Say("tenants", known,
        known
            ? "organization and profile are the plan's"
            : "its organization or profile is not one of the plan, or they do not belong together");
    const auto violation = mapper_.SchemaViolation(item);
    Say("schema", !violation, violation.value_or("keeps items.schema"));
    if (ChangedByApplication()) {
      Say("digests", true,
          "the application wrote it after the cutover: it is no longer judged by its source");
    } else if (const Item* desired = Desired()) {
      const Md5Digest expected = DocumentDigest(desired->document.view());
      const Md5Digest found = DocumentDigest(item);
      Say("digests", expected == found,
          expected == found
              ? fmt::format("mapped again it is {} as stored", found.Hex())
              : fmt::format("mapped again it is {}, stored is {}", expected.Hex(), found.Hex()));
    } else if (out_.source) {
      Say("digests", false, "its source no longer maps");
    }
  }

  void ConcludeEmbedding() {
    const bool marked = IsMarked(out_.item->view());
    Say("orphans", marked && out_.vector.has_value(),
        out_.vector ? (marked ? "has its vector and says so" : "has its vector, but is not marked")
                    : (marked ? "is marked, but has no vector" : "is not embedded yet"));
  }

  void Stamp(std::string_view key, const std::string& expected, std::string_view what) {
    const auto found = out_.vector->metadata.find(key);
    const auto* value =
        found == out_.vector->metadata.end() ? nullptr : std::get_if<std::string>(&found->second);
    const bool equal = value != nullptr && *value == expected;
    Say("vectors", equal,
        fmt::format("{} {}", key,
                    equal ? fmt::format("fits {}", what)
                          : fmt::format("is {}, {} gives {}", value == nullptr ? "absent" : *value,
                                        what, expected)));
  }

  void ConcludeVector() {
    const VectorRecord& vector = *out_.vector;
    const std::string contract = ContractHash(plan_, *stores_.embedder);
    Stamp(kStampContract, contract, "the plan's embedder");
    Stamp(kStampText, Md5(out_.text).Hex(), "the text");
    Stamp(kStampValues, ValuesDigest(vector.values).Hex(), "the values");
    const bool right =
        vector.values.size() == static_cast<std::size_t>(stores_.embedder->Dimension());
    Say("vectors", right,
        fmt::format("{} components, the embedder gives {}", vector.values.size(),
                    stores_.embedder->Dimension()));
    const bool equal =
        mapper_.VectorMetadata(out_.item->view(), contract, vector.values) == vector.metadata;
    Say("vectors", equal,
        equal ? "its metadata is the item's" : "its metadata differs from the item's");
  }

  /// After cutover the item is the application's to change.
  [[nodiscard]] bool ChangedByApplication() const {
    return read_.run->IsCutOver() && out_.item_owner && *out_.item_owner != Ownership::kOurs;
  }
  [[nodiscard]] const Item* Desired() const {
    return out_.mapped ? std::get_if<Item>(&*out_.mapped) : nullptr;
  }

  const ReadSession& read_;
  const Deps& deps_;
  const Plan& plan_;
  const Mapper& mapper_;
  const Stores& stores_;
  Call call_;
  Explanation out_;
};

}  // namespace

Result<Ownership> OwnerOf(const ReadSession& read, const Deps& deps, const LedgerTarget& target,
                          const Value& id, const Md5Digest& digest) {
  // Epoch 0 never writes: this ledger is only asked.
  const Ledger ledger(*deps.stores.target_documents, read.run ? read.run->run_id : std::string(),
                      0);
  REHOME_TRY_ASSIGN(const auto histories, ledger.Find(target, {&id, 1}, Call{.stop = deps.stop}));
  return Judge(histories.front(), digest);
}

std::string_view Name(Ownership ownership) {
  switch (ownership) {
    case Ownership::kOurs:
      return "ours";
    case Ownership::kChanged:
      return "changed";
    case Ownership::kForeign:
      return "foreign";
  }
  return {};
}

Result<Explanation> Explain(const ReadSession& read, const Deps& deps, const std::string& id) {
  return Inquiry(read, deps).Make(id);
}

}  // namespace rehome::cli
