#pragma once
// plan.h — the plan file as values: what moves where. Read once (plan/load.h), resolved and
// validated as a whole, constant afterwards. Modules receive the part that concerns them.
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "model/document.h"
#include "model/tenant.h"

namespace rehome {

/// Where a value stands in the plan file; lines and columns from 1.
struct PlanMark {
  int line = 0;
  int column = 0;
};

/// `portfolio_urls[0]`, `client.name`, `["a.b"].c`: keys and array positions.
struct FieldPath {
  std::vector<std::variant<std::string, std::size_t>> steps;
  std::string text;  // as written
  bool operator==(const FieldPath&) const = default;
  /// The value there; nothing if a step is absent.
  [[nodiscard]] std::optional<ValueView> Find(DocumentView document) const;
};
[[nodiscard]] Result<FieldPath> ParseFieldPath(std::string_view text);

/// One way to compute a field of an item.
struct FieldRule {
  enum class Kind : std::uint8_t {
    kCopy,           // from: one path
    kFirstNonEmpty,  // first alternative that is not empty
    kExtract,        // a named extractor over the paths in `from`
    kJq,             // a jq program over the whole document
    kConstant,       // the same value for every item
  };
  Kind kind = Kind::kCopy;
  std::vector<FieldPath> from;          // kCopy: exactly one; kExtract: one or more
  std::optional<std::size_t> take;      // of a list, after dropping empties and duplicates
  std::vector<FieldRule> alternatives;  // kFirstNonEmpty
  std::string extractor;                // kExtract: a key of ItemsPlan::extractors
  std::string jq;                       // kJq
  Value constant;                       // kConstant
  PlanMark mark;
};

/// How text becomes a list of short phrases: deliverables out of a job title.
struct PhraseExtractor {
  std::vector<std::string> noise_prefixes;  // "Need a", case-insensitive, longest first
  std::vector<std::string> separators;      // literal, tried in order
  std::size_t cap = 8;
};
/// How text becomes one word of a dictionary: industry.
struct DictionaryExtractor {
  /// Value, words; plan order breaks ties.
  std::vector<std::pair<std::string, std::vector<std::string>>> entries;
  std::string fallback;  // when nothing matches
};
using Extractor = std::variant<PhraseExtractor, DictionaryExtractor>;

struct Organization {
  std::string org_id;
  std::string slug;
  Document document;  // as inserted: _id = org_id first, then the plan's fields in plan order
};
struct Profile {
  std::string profile_id;
  std::string org_id;
  Document document;  // likewise
};

/// One rule of tenants.assign; the first that matches wins.
struct AssignRule {
  struct Match {
    FieldPath field;
    Value equals;  // compared with MongoDB's equality; strings also after trimming
  };
  struct Lookup {
    FieldPath field;
    std::filesystem::path file;
    std::map<std::string, TenantRef, std::less<>> rows;  // read with the plan
  };
  std::variant<std::monostate, Match, Lookup> when;  // monostate: the default
  TenantRef tenant;                                  // unused for Lookup
  PlanMark mark;
};

struct TenantsPlan {
  std::string organizations_collection = "organizations";
  std::string profiles_collection = "freelancer_profiles";
  std::vector<Organization> organizations;
  std::vector<Profile> profiles;
  std::vector<AssignRule> assign;
};

struct ItemsPlan {
  std::string from;
  std::string to;
  std::string id;                                         // pattern with {_id}
  std::vector<std::pair<std::string, FieldRule>> fields;  // plan order is the item's order
  std::map<std::string, Extractor, std::less<>> extractors;
  std::vector<std::string> drop;
  std::optional<Document> schema;  // $jsonSchema of an item
  PlanMark schema_mark;
  std::uint64_t quarantine_max = 0;
};

struct EmbedderPlan {
  std::string provider;  // hashing, openai, pinecone
  std::string model;
  std::string url;
  int dimensions = 0;
  Secret api_key;
  std::string organization;  // openai: the account's organization, sent as a header
  std::string project;       // openai: likewise
  std::optional<double> usd_per_million_tokens;  // absent: as the provider's list says
  std::uint64_t input_tokens_max = 0;            // of one text; 0: the model's own limit
  enum class TooLong : std::uint8_t { kQuarantine, kCut } too_long = TooLong::kQuarantine;
  /// For a sentence: the provider, and its model where the plan names one.
  [[nodiscard]] std::string Name() const {
    return model.empty() ? provider : provider + " " + model;
  }
};

struct IndexPlan {
  std::string namespace_template;  // "portfolio_{org.slug}"
  std::string metric = "cosine";
  EmbedderPlan embedder;
  std::string text;
  std::vector<std::string> metadata;  // item fields, plan order
};

/// A store as the plan names it; secrets apart.
struct StoreSpec {
  /// sqlite:FILE, mongodb://…; local:DIR, http(s)://…, pinecone:NAME. Without userinfo.
  std::string address;
  Secret secret;  // documents: the full URI where it holds credentials; vectors: the API key
  bool operator==(const StoreSpec&) const = default;
};
struct StorePair {
  StoreSpec source;
  StoreSpec target;
  /// Whether both are one store; a file by whichever path it is named.
  [[nodiscard]] bool same() const;
};

struct BackupPlan {
  std::filesystem::path dir;
  std::vector<std::string> collections;
  std::vector<std::string> namespaces;
  bool zstd = false;  // files are compressed
  Secret key;         // 64 hexadecimal digits: files are encrypted with it; empty: they are not
};

struct VerifyPlan {
  struct Probes {
    std::string from;  // a collection of the source
    FieldPath field;
    int top_k = 5;
  };
  struct Proposals {
    std::string generator = "template";  // template, chat
    std::string url;
    std::string model;
    Secret api_key;
  };
  std::optional<Probes> probes;
  double recall_min = 0.95;
  std::size_t reembed = 20;
  std::optional<Proposals> proposals;
  std::optional<EmbedderPlan> legacy_embedder;
  /// From a vector of the legacy namespaces to the document that it was made of: of the document in
  /// `from` whose `where` is what the step before gave (the vector's id, at first), the field
  /// `take`; the last is an `_id` of items.from.
  struct TrailStep {
    std::string from;  // a collection of the source
    FieldPath where;
    FieldPath take;
  };
  std::vector<TrailStep> legacy_trail;  // empty: the vector's id is the `_id`
  Secret signing_key;  // of reports: 64 hexadecimal digits; empty: this user's own key
};

struct CutoverPlan {
  struct EnvFile {
    std::filesystem::path path;
    std::vector<std::pair<std::string, std::string>> set;  // key, new value
  };
  struct PointerDocument {
    std::string collection;  // in the target document store
    Value id;
    std::vector<std::pair<std::string, Value>> set;  // top-level field, new value
  };
  struct Hooks {  // each an argument vector; no shell
    std::vector<std::vector<std::string>> fence, unfence, before, after;
  };
  std::optional<EnvFile> env_file;
  std::vector<PointerDocument> documents;
  std::vector<std::pair<std::string, std::string>> namespace_alias;  // alias, target namespace
  enum class Fence : std::uint8_t { kAuto, kRequired, kNone } fence = Fence::kAuto;
  Millis write_pause_max{10'000};
  Millis quiet{5'000};
  Hooks hooks;
  /// Keys, fields and aliases that a cutover flips.
  [[nodiscard]] std::size_t PointerCount() const;
};

struct RetirePlan {
  Millis after{std::chrono::hours{24}};
  std::vector<std::string> collections;
  std::vector<std::string> namespaces;
};

struct MaintenancePlan {             // exactly one is set
  std::filesystem::path file;        // stands still while the file exists
  std::string url;                   // … while it answers 503
  std::vector<std::string> command;  // … while it exits 0
};

struct LimitsPlan {
  int workers = 0;             // 0: auto
  double documents_per_s = 0;  // 0: unlimited
  double vectors_per_s = 0;
  double embed_tokens_per_min = 0;
  std::size_t embed_in_flight = 2000;
  double spend_max_usd = 0;   // 0: unlimited
  std::string pinecone_tier;  // starter, builder, standard, enterprise; empty: not said

  /// At least 1; as many as the machine has processors where the plan leaves it open.
  [[nodiscard]] std::size_t WorkerCount() const;
  /// Whether something may be read on a thread of its own while something else is written.
  [[nodiscard]] bool ReadsAhead() const { return workers != 1; }
};

/// tenant fields added in place to a collection that stays.
struct StampPlan {
  std::string collection;
  std::vector<std::pair<std::string, Value>> set;
};

class Plan {
 public:
  std::string name;
  std::filesystem::path file;
  StorePair documents;
  StorePair vectors;
  BackupPlan backup;
  TenantsPlan tenants;
  ItemsPlan items;
  std::vector<StampPlan> stamps;
  IndexPlan index;
  VerifyPlan verify;
  CutoverPlan cutover;
  RetirePlan retire;
  std::optional<MaintenancePlan> maintenance;
  std::filesystem::path log_file;  // empty: none
  LimitsPlan limits;

  /// What a run is bound to: canonical text of tenants, items, index, stamp and the stores'
  /// identities, resolved; not secrets, ports, limits, log, backup, verify, cutover times,
  /// quarantine_max or retire. One `key: value` a line in a fixed order, so that two texts can be
  /// compared line by line to name a difference.
  [[nodiscard]] std::string FingerprintText() const;
  /// SHA-256 of FingerprintText(), hex.
  [[nodiscard]] std::string Fingerprint() const;
  /// The whole plan, resolved, without secrets, as Extended JSON: what the journal keeps and
  /// ParseResolved() reads.
  [[nodiscard]] std::string ResolvedJson() const;

  [[nodiscard]] const Organization* FindOrganization(std::string_view org_id) const;
  [[nodiscard]] const Profile* FindProfile(std::string_view profile_id) const;
  /// The namespace of an organization of this plan (CHECKed), from the template.
  [[nodiscard]] TenantNamespace NamespaceOf(std::string_view org_id) const;
  /// A namespace that the journal recorded for an organization: a slug changed later moves no
  /// vector.
  [[nodiscard]] static TenantNamespace JournaledNamespace(std::string name);
  /// Whether `ns` is one that the template could give to some organization, in the plan or not.
  [[nodiscard]] bool MatchesNamespaceTemplate(std::string_view ns) const;
};

}  // namespace rehome
