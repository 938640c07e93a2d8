#include <fmt/format.h>

#include <algorithm>

#include "base/crypto.h"
#include "plan/sections.h"

namespace rehome {
namespace {

struct StoreKind {
  std::initializer_list<std::string_view> schemes;
  std::string_view forms;
  const KeySet& pair;
  const KeySet& store;
};

const StoreKind& DocumentsKind() {
  static const StoreKind kind{{"sqlite:", "mongodb://", "mongodb+srv://"},
                              "mongodb://HOST/DATABASE or sqlite:FILE",
                              keys::kDocumentsPair,
                              keys::kDocumentsStore};
  return kind;
}

const StoreKind& VectorsKind() {
  static const StoreKind kind{{"local:", "http://", "https://", "pinecone:"},
                              "https://INDEX-HOST, pinecone:INDEX-NAME or local:DIR",
                              keys::kVectorsPair,
                              keys::kVectorsStore};
  return kind;
}

/// The options of a MongoDB URI that hold secrets: they leave the address with the user and the
/// password.
bool IsSecretOption(std::string_view option) {
  std::string name(option.substr(0, option.find('=')));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return name == "authmechanismproperties" || name == "tlscertificatekeyfilepassword" ||
         name == "sslclientcertificatekeypassword";
}

std::string WithoutSecretOptions(std::string_view query) {
  std::string kept;
  while (!query.empty()) {
    const std::string_view option = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(option.size() + 1, query.size()));
    if (!IsSecretOption(option)) {
      kept.append(kept.empty() ? "?" : "&").append(option);
    }
  }
  return kept;
}

/// The address without what is secret in it: userinfo, secret options.
std::string PublicAddress(std::string_view address) {
  const std::size_t scheme = address.find("://");
  if (scheme == std::string_view::npos) {
    return std::string(address);
  }
  const std::size_t host = scheme + 3;
  const std::size_t path = std::min(address.find_first_of("/?", host), address.size());
  // A password may hold `/` unescaped by mistake; no host holds `@`, so the last one before the
  // query ends the userinfo.
  const std::size_t query = std::min(address.find('?', host), address.size());
  const std::size_t at = address.substr(0, query).rfind('@');
  const std::size_t from = at == std::string_view::npos || at < host ? host : at + 1;
  std::string out(address.substr(0, host));
  out.append(address.substr(from, query - from));
  if (query < address.size()) {
    out.append(path == query ? "/" : "").append(WithoutSecretOptions(address.substr(query + 1)));
  }
  return out;
}

/// Whether a MongoDB address names a database.
bool NamesDatabase(std::string_view address) {
  const std::size_t host = address.find("://") + 3;
  const std::size_t slash = address.find('/', host);
  return slash != std::string_view::npos && slash > host && slash + 1 < address.size() &&
         address[slash + 1] != '?';
}

/// What is wrong with an address; empty if nothing. It never repeats the address, which may hold a
/// password.
std::string WhyNoAddress(const StoreKind& kind, std::string_view full, std::string_view address) {
  const auto* scheme = std::ranges::find_if(
      kind.schemes, [&](std::string_view one) { return address.starts_with(one); });
  if (scheme == kind.schemes.end() || address.size() == scheme->size()) {
    return fmt::format("names no store: write {}", kind.forms);
  }
  if (scheme->starts_with("mongodb") && !NamesDatabase(address)) {
    return "names no database: write mongodb://HOST/DATABASE";
  }
  if (scheme->starts_with("http") && full != address) {
    return "holds credentials: give the key as api_key: ${NAME}";
  }
  return {};
}

StoreSpec ReadStore(PlanReader& reader, const PlanNode& node, std::string_view what,
                    const StoreKind& kind) {
  StoreSpec spec;
  std::optional<std::string> full;
  if (node.IsMap()) {
    const MapReader store(reader, node, kind.store);
    if (const PlanNode* address = store.Find("address")) {
      full = address->IsMap() ? reader.SecretFile(*address, what) : reader.Text(*address, what);
    }
    if (const PlanNode* key = kind.store.optional.empty() ? nullptr : store.Find("api_key")) {
      spec.secret = reader.Key(*key, "api_key");
    }
  } else {
    full = reader.Text(node, what);
  }
  if (!full) {
    return spec;
  }
  spec.address = PublicAddress(*full);
  if (const std::string why = WhyNoAddress(kind, *full, spec.address); !why.empty()) {
    reader.ProblemAt(node, what, why);
  }
  if (spec.address != *full) {
    spec.secret = Secret(*std::move(full));
  }
  return spec;
}

StorePair ReadPair(PlanReader& reader, const PlanNode& node, std::string_view what,
                   const StoreKind& kind) {
  if (!node.IsMap() || (node.Find("source") == nullptr && node.Find("target") == nullptr)) {
    const StoreSpec both = ReadStore(reader, node, what, kind);
    return {both, both};
  }
  StorePair pair;
  const MapReader map(reader, node, kind.pair);
  if (const PlanNode* source = map.Find("source")) {
    pair.source = ReadStore(reader, *source, "source", kind);
  }
  if (const PlanNode* target = map.Find("target")) {
    pair.target = ReadStore(reader, *target, "target", kind);
  }
  if (const PlanNode* key = kind.pair.optional.empty() ? nullptr : map.Find("api_key")) {
    const Secret shared = reader.Key(*key, "api_key");
    for (StoreSpec* spec : {&pair.source, &pair.target}) {
      spec->secret = spec->secret.empty() ? shared : spec->secret;
    }
  }
  return pair;
}

}  // namespace

void ReadStores(PlanReader& reader, const MapReader& root, Plan& plan) {
  if (const PlanNode* documents = root.Find("documents")) {
    plan.documents = ReadPair(reader, *documents, "documents", DocumentsKind());
  }
  if (const PlanNode* vectors = root.Find("vectors")) {
    plan.vectors = ReadPair(reader, *vectors, "vectors", VectorsKind());
  }
}

void ReadBackup(PlanReader& reader, const PlanNode& node, BackupPlan& backup) {
  MapReader map(reader, node, keys::kBackup);
  std::string dir = backup.dir.string();
  map.Text("dir", dir);
  if (dir.empty()) {
    reader.ProblemAt(node, "dir", "is empty");
  }
  backup.dir = dir;
  map.Collections("collections", backup.collections);
  map.LegacyNamespaces("namespaces", backup.namespaces);
  std::string compress = "none";
  map.Choice("compress", {"none", "zstd"}, compress);
  backup.zstd = compress == "zstd";
  if (const PlanNode* encrypt = map.Find("encrypt")) {
    MapReader(reader, *encrypt, keys::kEncrypt).Key("key", backup.key);
    if (const auto key = StreamKey::Parse(backup.key); !key) {
      reader.ProblemAt(*encrypt, "key",
                       fmt::format("is wrong: {}; {}", key.error().message, key.error().hint));
    }
  }
}

}  // namespace rehome
