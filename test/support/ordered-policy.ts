// Role: the text of a policy by which hosts are emptied where maintenance is ordered, and nothing
// else happens. What a test wants besides is put behind it.

export const ORDERED_POLICY = `
apiVersion: drover/v1
kind: Policy
rules:
  - name: ordered
    finding: maintenance
    response: evacuate
    when: { fact: host.order, operator: equal, value: maintenance }
`;
