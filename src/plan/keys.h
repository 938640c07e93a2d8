#pragma once
// keys.h — every key that a plan may hold, map by map: what the reader accepts, what "did you mean"
// suggests, and what schema/plan.schema.json must agree with (keys_test.cc). Each map's name is its
// name under $defs of that schema.
#include <array>
#include <span>
#include <string_view>

namespace rehome {

struct KeySet {
  std::string_view name;
  std::span<const std::string_view> required;
  std::span<const std::string_view> optional;
  bool open = false;  // further keys are the user's own
};

namespace keys {

template <std::size_t N>
using Names = std::array<std::string_view, N>;

inline constexpr Names<7> kPlanRequired{"rehome",  "name",  "documents", "vectors",
                                        "tenants", "items", "index"};
inline constexpr Names<8> kPlanOptional{"backup", "stamp",       "verify", "cutover",
                                        "retire", "application", "log",    "limits"};
inline constexpr KeySet kPlan{"plan", kPlanRequired, kPlanOptional};

inline constexpr Names<2> kPairRequired{"source", "target"};
inline constexpr Names<1> kStoreRequired{"address"};
inline constexpr Names<1> kApiKey{"api_key"};
inline constexpr KeySet kDocumentsPair{"documents_pair", kPairRequired, {}};
inline constexpr KeySet kDocumentsStore{"documents_store", kStoreRequired, {}};
inline constexpr KeySet kVectorsPair{"vectors_pair", kPairRequired, kApiKey};
inline constexpr KeySet kVectorsStore{"vectors_store", kStoreRequired, kApiKey};

inline constexpr Names<1> kFile{"file"};
inline constexpr KeySet kSecretFile{"secret_file", kFile, {}};

inline constexpr Names<5> kBackupOptional{"dir", "collections", "namespaces", "compress",
                                          "encrypt"};
inline constexpr KeySet kBackup{"backup", {}, kBackupOptional};
inline constexpr Names<1> kEncryptRequired{"key"};
inline constexpr KeySet kEncrypt{"encrypt", kEncryptRequired, {}};

inline constexpr Names<3> kTenantsRequired{"organizations", "profiles", "assign"};
inline constexpr Names<1> kTenantsOptional{"collections"};
inline constexpr KeySet kTenants{"tenants", kTenantsRequired, kTenantsOptional};
inline constexpr Names<2> kTenantCollectionsOptional{"organizations", "profiles"};
inline constexpr KeySet kTenantCollections{"tenant_collections", {}, kTenantCollectionsOptional};
inline constexpr Names<2> kOrganizationRequired{"org_id", "slug"};
inline constexpr KeySet kOrganization{"organization", kOrganizationRequired, {}, true};
inline constexpr Names<2> kTenantRequired{"org_id", "profile_id"};
inline constexpr Names<2> kProfileRequired{"profile_id", "org_id"};
inline constexpr KeySet kProfile{"profile", kProfileRequired, {}, true};
inline constexpr KeySet kTenant{"tenant", kTenantRequired, {}};
inline constexpr Names<3> kMatchRuleRequired{"match", "org_id", "profile_id"};
inline constexpr KeySet kMatchRule{"match_rule", kMatchRuleRequired, {}};
inline constexpr Names<2> kMatchRequired{"field", "equals"};
inline constexpr KeySet kMatch{"match", kMatchRequired, {}};
inline constexpr Names<1> kLookupRuleRequired{"lookup"};
inline constexpr KeySet kLookupRule{"lookup_rule", kLookupRuleRequired, {}};
inline constexpr Names<1> kLookupRequired{"field"};
inline constexpr Names<2> kLookupOptional{"file", "rows"};
inline constexpr KeySet kLookup{"lookup", kLookupRequired, kLookupOptional};
inline constexpr Names<1> kDefaultRuleRequired{"default"};
inline constexpr KeySet kDefaultRule{"default_rule", kDefaultRuleRequired, {}};

inline constexpr Names<4> kItemsRequired{"from", "to", "id", "fields"};
inline constexpr Names<4> kItemsOptional{"extractors", "drop", "schema", "quarantine_max"};
inline constexpr KeySet kItems{"items", kItemsRequired, kItemsOptional};
inline constexpr Names<6> kRuleOptional{"from", "take", "extract", "first_non_empty",
                                        "jq",   "value"};
inline constexpr KeySet kRule{"rule", {}, kRuleOptional};
inline constexpr Names<3> kPhraseOptional{"noise_prefixes", "separators", "cap"};
inline constexpr KeySet kPhraseExtractor{"phrase_extractor", {}, kPhraseOptional};
inline constexpr Names<2> kDictionaryRequired{"dictionary", "fallback"};
inline constexpr KeySet kDictionaryExtractor{"dictionary_extractor", kDictionaryRequired, {}};

inline constexpr Names<3> kIndexRequired{"namespace", "embedder", "text"};
inline constexpr Names<2> kIndexOptional{"metric", "metadata"};
inline constexpr KeySet kIndex{"index", kIndexRequired, kIndexOptional};
inline constexpr Names<2> kEmbedderRequired{"provider", "dimensions"};
inline constexpr Names<8> kEmbedderOptional{
    "model",   "url",      "api_key",          "organization",
    "project", "too_long", "input_tokens_max", "usd_per_million_tokens"};
inline constexpr KeySet kEmbedder{"embedder", kEmbedderRequired, kEmbedderOptional};

inline constexpr Names<7> kVerifyOptional{"probes",     "recall_min",      "reembed",
                                          "proposals",  "legacy_embedder", "legacy_trail",
                                          "signing_key"};
inline constexpr KeySet kVerify{"verify", {}, kVerifyOptional};
inline constexpr Names<3> kTrailStepRequired{"from", "where", "take"};
inline constexpr KeySet kTrailStep{"trail_step", kTrailStepRequired, {}};
inline constexpr Names<2> kProbesRequired{"from", "field"};
inline constexpr Names<1> kProbesOptional{"top_k"};
inline constexpr KeySet kProbes{"probes", kProbesRequired, kProbesOptional};
inline constexpr Names<4> kProposalsOptional{"generator", "url", "model", "api_key"};
inline constexpr KeySet kProposals{"proposals", {}, kProposalsOptional};

inline constexpr Names<7> kCutoverOptional{
    "env_file", "documents", "namespace_alias", "fence", "write_pause_max", "quiet", "hooks"};
inline constexpr KeySet kCutover{"cutover", {}, kCutoverOptional};
inline constexpr Names<2> kEnvFileRequired{"path", "set"};
inline constexpr KeySet kEnvFile{"env_file", kEnvFileRequired, {}};
inline constexpr Names<3> kPointerDocumentRequired{"collection", "id", "set"};
inline constexpr KeySet kPointerDocument{"pointer_document", kPointerDocumentRequired, {}};
inline constexpr Names<4> kHooksOptional{"fence", "unfence", "before", "after"};
inline constexpr KeySet kHooks{"hooks", {}, kHooksOptional};

inline constexpr Names<3> kRetireOptional{"after", "collections", "namespaces"};
inline constexpr KeySet kRetire{"retire", {}, kRetireOptional};
inline constexpr Names<1> kApplicationOptional{"maintenance"};
inline constexpr KeySet kApplication{"application", {}, kApplicationOptional};
inline constexpr Names<3> kMaintenanceOptional{"file", "url", "command"};
inline constexpr KeySet kMaintenance{"maintenance", {}, kMaintenanceOptional};
inline constexpr KeySet kLog{"log", kFile, {}};
inline constexpr Names<7> kLimitsOptional{
    "workers",         "documents_per_s", "vectors_per_s", "embed_tokens_per_min",
    "embed_in_flight", "spend_max_usd",   "pinecone_tier"};
inline constexpr KeySet kLimits{"limits", {}, kLimitsOptional};

inline constexpr std::array kAll{&kPlan,
                                 &kDocumentsPair,
                                 &kDocumentsStore,
                                 &kVectorsPair,
                                 &kVectorsStore,
                                 &kSecretFile,
                                 &kBackup,
                                 &kEncrypt,
                                 &kTenants,
                                 &kTenantCollections,
                                 &kOrganization,
                                 &kProfile,
                                 &kTenant,
                                 &kMatchRule,
                                 &kMatch,
                                 &kLookupRule,
                                 &kLookup,
                                 &kDefaultRule,
                                 &kItems,
                                 &kRule,
                                 &kPhraseExtractor,
                                 &kDictionaryExtractor,
                                 &kIndex,
                                 &kEmbedder,
                                 &kVerify,
                                 &kProbes,
                                 &kProposals,
                                 &kTrailStep,
                                 &kCutover,
                                 &kEnvFile,
                                 &kPointerDocument,
                                 &kHooks,
                                 &kRetire,
                                 &kApplication,
                                 &kMaintenance,
                                 &kLog,
                                 &kLimits};

}  // namespace keys
}  // namespace rehome
