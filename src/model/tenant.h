#pragma once
// tenant.h — who a datum belongs to.
#include <compare>
#include <string>

namespace rehome {

struct TenantRef {
  std::string org_id;
  std::string profile_id;
  auto operator<=>(const TenantRef&) const = default;
};

/// A namespace that belongs to a tenant: never empty, never the default one, never a legacy one.
/// Only the plan makes them (invariant 10: a write to the vector store always names one).
class TenantNamespace {
 public:
  [[nodiscard]] const std::string& name() const { return name_; }
  auto operator<=>(const TenantNamespace&) const = default;

 private:
  friend class Plan;
  explicit TenantNamespace(std::string name) : name_(std::move(name)) {}
  std::string name_;
};

}  // namespace rehome
