#pragma once
// service.h — from an HTTP request to its answer: key, index, route, faults, size, rates, handler,
// error shape.
#include <string>

#include "base/secret.h"
#include "pinecone_local/catalog.h"
#include "pinecone_local/gate.h"
#include "pinecone_local/http_message.h"
#include "pinecone_local/routes.h"

namespace rehome::pinecone_local {

struct ServiceOptions {
  std::string default_index{};  // of data plane requests without a path prefix
  Secret api_key{};             // empty: any key
  Facilities facilities{};
  bool admin = false;  // answers /_admin/conditions
};

class Service {
 public:
  /// `gate` and `catalog` outlive it.
  Service(Catalog& catalog, Gate& gate, ServiceOptions options);
  [[nodiscard]] HttpResponse Handle(const HttpRequest& request) const;
  /// Puts conditions in force, from the next request on.
  [[nodiscard]] Status Impose(const PineconeLocalConditions& conditions) const;

 private:
  [[nodiscard]] bool IsAuthorized(const std::string& key) const;
  [[nodiscard]] HttpResponse Dispatch(const HttpRequest& request, Target target) const;
  [[nodiscard]] HttpResponse Run(const Route& route, const ApiRequest& request,
                                 std::string_view index) const;
  [[nodiscard]] Answer Call(const Route& route, const ApiRequest& request,
                            std::string_view index) const;
  [[nodiscard]] Answer Administer(const HttpRequest& request) const;
  [[nodiscard]] Status ApplyLag() const;

  Catalog& catalog_;
  Gate& gate_;
  const ServiceOptions options_;
  const std::string key_digest_;  // empty: any key
};

}  // namespace rehome::pinecone_local
