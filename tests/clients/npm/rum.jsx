// A page with @baselime/react-rum: sends three events to the address in its own, as the client's users would.
import { BaselimeRum, useBaselimeRum } from "@baselime/react-rum";
import { useEffect } from "react";
import { createRoot } from "react-dom/client";

const { url, key, namespace } = Object.fromEntries(new URLSearchParams(location.search));

function Cart() {
  const { sendEvent, captureException } = useBaselimeRum();
  useEffect(() => {
    sendEvent("cart-created", { amount: 12.5, customer: { name: "Zoë" }, items: [1, 2] });
    sendEvent("cart-paid", { level: "warning" });
    captureException(new Error("cart-sent"));
  }, []);
  return null;
}

createRoot(document.querySelector("main")).render(
  <BaselimeRum apiKey={key} url={`${url}/v1`} dataset="logs" service="shop" namespace={namespace} fallback={null}>
    <Cart />
  </BaselimeRum>,
);
