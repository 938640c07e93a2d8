#pragma once
// route.h — whose a document is: the rules of tenants.assign, in order, the first that matches.
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "mapping/mapping.h"

namespace rehome {

class Router {
 public:
  explicit Router(const TenantsPlan& tenants);  // keeps a reference

  /// The tenant, or kNoTenant / kUnknownTenant. `rule` is the one that matched (untouched if none
  /// did).
  [[nodiscard]] std::variant<TenantRef, Unmappable> Route(DocumentView source,
                                                          std::size_t& rule) const;
  [[nodiscard]] std::vector<std::size_t> MatchingRules(DocumentView source) const;
  /// "tenants.assign[1]: region = \"eu\"", for people.
  [[nodiscard]] std::string Describe(std::size_t rule) const;

 private:
  /// The tenant that a rule gives this document; nullptr: it does not match.
  [[nodiscard]] const TenantRef* Match(std::size_t rule, DocumentView source) const;
  [[nodiscard]] bool Equals(std::size_t rule, const AssignRule::Match& match,
                            DocumentView source) const;
  [[nodiscard]] std::string FieldsLookedAt() const;

  const TenantsPlan& tenants_;
  std::vector<std::string> keys_;  // per rule: SortKey of what a match compares with
  std::set<std::string, std::less<>> organizations_;
  std::map<std::string, std::string, std::less<>> profiles_;  // profile → its organization
};

}  // namespace rehome
