#include "mapping/mapping.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "mapping/field_rules.h"
#include "mapping/jq_pool.h"
#include "mapping/json_schema.h"
#include "mapping/route.h"
#include "mapping/vector_text.h"
#include "model/item.h"
#include "model/storable.h"

namespace rehome {
namespace {

constexpr std::array kReasons{
    std::pair{QuarantineReason::kNoTenant, std::string_view("no_tenant")},
    std::pair{QuarantineReason::kUnknownTenant, std::string_view("unknown_tenant")},
    std::pair{QuarantineReason::kMappingFailed, std::string_view("mapping_failed")},
    std::pair{QuarantineReason::kSchema, std::string_view("schema")},
    std::pair{QuarantineReason::kTooLarge, std::string_view("too_large")},
    std::pair{QuarantineReason::kMetadataTooLarge, std::string_view("metadata_too_large")},
    std::pair{QuarantineReason::kIdConflict, std::string_view("id_conflict")},
    std::pair{QuarantineReason::kEmbedding, std::string_view("embedding")},
};

constexpr std::array<std::string_view, 6> kOwnFields{"_id",        "item_id",   "org_id",
                                                     "profile_id", kIsEmbedded, kEmbeddingId};

Status CheckFieldNames(const ItemsPlan& items) {
  for (std::size_t i = 0; i < items.fields.size(); ++i) {
    const std::string& name = items.fields[i].first;
    const auto same = [&](const auto& field) { return field.first == name; };
    if (std::ranges::find(kOwnFields, name) != kOwnFields.end() ||
        std::ranges::count_if(items.fields, same) > 1) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("items.fields.{}: an item already has a field of that name", name),
                  "give the mapped field another name");
    }
  }
  return {};
}

void AddJqProblems(const FieldRule& rule, std::string_view field,
                   std::vector<PlanProblem>& problems) {
  if (rule.kind == FieldRule::Kind::kJq) {
    if (const auto compiled = JqPool::Compile({rule.jq}, JqLimits{}); !compiled) {
      problems.push_back({rule.mark, fmt::format("`{}`: {}", field, compiled.error().message)});
    }
  }
  for (const FieldRule& alternative : rule.alternatives) {
    AddJqProblems(alternative, field, problems);
  }
}

}  // namespace

std::string_view Name(QuarantineReason reason) {
  const auto* found = std::ranges::find(kReasons, reason, &decltype(kReasons)::value_type::first);
  CHECK(found != kReasons.end());
  return found->second;
}

std::optional<QuarantineReason> QuarantineReasonOf(std::string_view name) {
  const auto* found = std::ranges::find(kReasons, name, &decltype(kReasons)::value_type::second);
  return found == kReasons.end() ? std::nullopt : std::optional(found->first);
}

std::vector<PlanProblem> MappingProblems(const ItemsPlan& items) {
  std::vector<PlanProblem> problems;
  for (const auto& [name, rule] : items.fields) {
    AddJqProblems(rule, name, problems);
  }
  if (items.schema) {
    if (const auto compiled = JsonSchema::Compile(items.schema->view()); !compiled) {
      problems.push_back({items.schema_mark, compiled.error().message});
    }
  }
  return problems;
}

struct Mapper::Compiled {
  const Plan& plan;
  Router router;
  FieldRules rules;
  std::optional<JsonSchema> schema;
  TextTemplate text;
  std::vector<std::string> sent;  // fields whose values reach the embedder or the index

  [[nodiscard]] Mapped Build(DocumentView source, const TenantRef& tenant) const;
  [[nodiscard]] std::optional<Unmappable> Refusal(const Mapper& mapper, DocumentView item) const;
};

Mapped Mapper::Compiled::Build(DocumentView source, const TenantRef& tenant) const {
  const auto id = source.Find("_id");
  if (!id) {
    return Unmappable{QuarantineReason::kMappingFailed, "the document has no _id"};
  }
  std::string item_id = ItemId(plan.items.id, *id);
  DocumentBuilder builder;
  builder.Append("_id", *id).String("item_id", item_id);
  builder.String("org_id", tenant.org_id).String("profile_id", tenant.profile_id);
  if (const Status appended = rules.AppendAll(source, builder); !appended) {
    return Unmappable{QuarantineReason::kMappingFailed, appended.error().message};
  }
  builder.Bool(kIsEmbedded, false).Null(kEmbeddingId);
  return Item{builder.Finish(), std::move(item_id), tenant};
}

std::optional<Unmappable> Mapper::Compiled::Refusal(const Mapper& mapper, DocumentView item) const {
  if (item.bytes().size() > kDocumentBytesMax) {
    return Unmappable{
        QuarantineReason::kTooLarge,
        fmt::format("the item has {} bytes, more than {}", item.bytes().size(), kDocumentBytesMax)};
  }
  if (auto violation = mapper.SchemaViolation(item)) {
    return Unmappable{QuarantineReason::kSchema, *std::move(violation)};
  }
  for (const std::string& field : sent) {
    if (const auto value = item.Find(field); value && !IsSendable(*value)) {
      return Unmappable{
          QuarantineReason::kMappingFailed,
          fmt::format("{} holds bytes that are no UTF-8 text: no vector can be made of it", field)};
    }
  }
  // No BSON value grows more than eightfold as metadata, so small items need no look at their JSON.
  constexpr std::size_t kGrowthMax = 8;
  constexpr std::size_t kStampBytes = 512;
  if (item.bytes().size() * kGrowthMax + kStampBytes > kMetadataBytesMax) {
    const std::string stamp(32, '0');
    const std::size_t bytes = MetadataJson(mapper.VectorMetadata(item, stamp, {})).size();
    if (bytes > kMetadataBytesMax) {
      return Unmappable{QuarantineReason::kMetadataTooLarge,
                        fmt::format("its vector's metadata has {} bytes, more than {}", bytes,
                                    kMetadataBytesMax)};
    }
  }
  return std::nullopt;
}

Result<Mapper> Mapper::Compile(const Plan& plan) {
  REHOME_TRY(CheckFieldNames(plan.items));
  REHOME_TRY_ASSIGN(FieldRules rules, FieldRules::Compile(plan.items));
  REHOME_TRY_ASSIGN(TextTemplate text, TextTemplate::Compile(plan.index.text));
  std::optional<JsonSchema> schema;
  if (plan.items.schema) {
    auto compiled = JsonSchema::Compile(plan.items.schema->view());
    if (!compiled) {
      return std::unexpected(std::move(compiled).error().In("items"));
    }
    schema = *std::move(compiled);
  }
  std::vector<std::string> sent = text.Fields();
  sent.insert(sent.end(), plan.index.metadata.begin(), plan.index.metadata.end());
  std::ranges::sort(sent);
  sent.erase(std::ranges::unique(sent).begin(), sent.end());
  return Mapper(std::make_unique<Compiled>(plan, Router(plan.tenants), std::move(rules),
                                           std::move(schema), std::move(text), std::move(sent)));
}

Mapper::Mapper(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Mapper::Mapper(Mapper&&) noexcept = default;
Mapper& Mapper::operator=(Mapper&&) noexcept = default;
Mapper::~Mapper() = default;

Mapped Mapper::Map(DocumentView source) const {
  std::size_t rule = 0;
  auto routed = compiled_->router.Route(source, rule);
  if (auto* refused = std::get_if<Unmappable>(&routed)) {
    return std::move(*refused);
  }
  Mapped mapped = compiled_->Build(source, std::get<TenantRef>(routed));
  if (const auto* item = std::get_if<Item>(&mapped)) {
    if (auto refused = compiled_->Refusal(*this, item->document.view())) {
      return *std::move(refused);
    }
  }
  return mapped;
}

Mapped Mapper::Map(DocumentView source, Trace& trace) const {
  trace = {};
  std::size_t rule = 0;
  const auto routed = compiled_->router.Route(source, rule);
  const auto* refused = std::get_if<Unmappable>(&routed);
  if (refused == nullptr || refused->reason == QuarantineReason::kUnknownTenant) {
    trace.tenant_rule = compiled_->router.Describe(rule);
  }
  Mapped mapped = Map(source);
  // A refused item is explained too: which value broke the schema is what a person wants to see.
  Document shown;
  if (const auto* tenant = std::get_if<TenantRef>(&routed)) {
    const Mapped built = compiled_->Build(source, *tenant);
    if (const auto* item = std::get_if<Item>(&built)) {
      shown = item->document;
    }
  }
  trace.fields = compiled_->rules.Explain(source, shown.view());
  return mapped;
}

std::optional<std::string> Mapper::SchemaViolation(DocumentView item) const {
  if (!compiled_->schema) {
    return std::nullopt;
  }
  const auto violation = compiled_->schema->Validate(item);
  return violation ? std::optional(Describe(*violation)) : std::nullopt;
}

std::vector<std::size_t> Mapper::MatchingRules(DocumentView source) const {
  return compiled_->router.MatchingRules(source);
}

std::string Mapper::Text(DocumentView item) const {
  return compiled_->text.Render(item);
}

Metadata Mapper::VectorMetadata(DocumentView item, std::string_view contract_hash,
                                const std::vector<float>& values) const {
  Metadata metadata;
  for (const std::string& field : compiled_->plan.index.metadata) {
    const auto value = item.Find(field);
    if (auto entry = value ? ToMetadata(*value) : std::nullopt) {
      metadata.emplace(field, *std::move(entry));
    }
  }
  metadata.insert_or_assign(std::string(kStampContract), std::string(contract_hash));
  metadata.insert_or_assign(std::string(kStampText), Md5(Text(item)).Hex());
  metadata.insert_or_assign(std::string(kStampValues), ValuesDigest(values).Hex());
  return metadata;
}

}  // namespace rehome
